"use strict";

// Shows the document that the page names.
SwaggerUIBundle({
  url: new URL(document.getElementById("docs").dataset.document, document.baseURI).href,
  dom_id: "#docs",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  // No other server is asked whether the document is valid.
  validatorUrl: null,
});
