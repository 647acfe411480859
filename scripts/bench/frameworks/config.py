{
    'dataset_loader_train': {
        '!': 'palladium.dataset.Table',
        'path': 'iris.data',
        'names': ['sepal length', 'sepal width', 'petal length', 'petal width', 'species'],
        'target_column': 'species',
        'sep': ',',
        'nrows': 100,
    },
    'model': {'!': 'sklearn.linear_model.LogisticRegression', 'C': 0.3},
    'model_persister': {
        '!': 'palladium.persistence.CachedUpdatePersister',
        'impl': {'!': 'palladium.persistence.File', 'path': 'model-{version}'},
    },
    'predict_service': {
        '!': 'palladium.server.PredictService',
        'mapping': [
            ('sepal length', 'float'),
            ('sepal width', 'float'),
            ('petal length', 'float'),
            ('petal width', 'float'),
        ],
    },
}
