#!/usr/bin/env bash
# The servers that the tests of the model stores talk to: PostgreSQL, MariaDB, nginx with WebDAV, moto and s3rver for
# S3, Azurite for Azure; nginx also stands in front of the service, and ab sends it requests. Each listens on a free
# port of 127.0.0.1, keeps its files in a temporary folder and ends with the shell that started it. The variables
# PALLADIUM_TEST_... say where they are; PALLADIUM_TEST_PYTHON is a Python with what reads the metrics of the service,
# with schemathesis and with clients of the Open Inference Protocol, PALLADIUM_TEST_PROMTOOL is the program of
# Prometheus that checks the metrics, and PALLADIUM_TEST_CHROMEDRIVER the one that drives a headless Chromium.
#
#     ./scripts/services.sh COMMAND [ARGUMENT]...
#
# runs a command beside the servers. Other scripts source this file and call `bring_services` and `start_services`.

services_source="$(cd "$(dirname "${BASH_SOURCE[0]}")/services" && pwd)"
services_cache="${XDG_CACHE_HOME:-$HOME/.cache}/palladium-test"
services_password=test-password
declare -A service_process=() service_signal=()

# shellcheck source=scripts/need.sh
. "$services_source/../need.sh"

# Installs what is not there yet: packages of Debian, and in the cache folder those of PyPI and npm.
bring_services() {
    # Debian keeps servers where only root looks for programs.
    PATH="$PATH:/usr/sbin"
    need curl curl openssl openssl setpriv util-linux flock util-linux \
        '/usr/lib/postgresql/*/bin/postgres' postgresql mariadbd mariadb-server nginx nginx-light ab apache2-utils \
        chromium chromium chromedriver chromium-driver \
        /usr/bin/python3 python3 '/usr/lib/python3*/ensurepip/__init__.py' python3-venv node nodejs npm npm
    mkdir -p "$services_cache"
    # Several working trees share the folder.
    {
        flock 9
        installed "$services_source/requirements.txt" python || bring_python
        installed "$services_source/package-lock.json" node || bring_node
        [ -x "$services_cache/promtool" ] || bring_promtool
    } 9>"$services_cache/lock"
}

# installed LIST FOLDER: tells whether a folder of the cache holds what a list says.
installed() {
    cmp --silent "$1" "$services_cache/$2/installed"
}

bring_python() {
    local folder="$services_cache/python"
    step /usr/bin/python3 -m venv --clear "$folder"
    step "$folder/bin/pip" install --quiet --disable-pip-version-check --requirement "$services_source/requirements.txt"
    cp "$services_source/requirements.txt" "$folder/installed"
}

bring_node() {
    local folder="$services_cache/node"
    mkdir -p "$folder"
    rm -f "$folder/installed"
    cp "$services_source/package.json" "$services_source/package-lock.json" "$folder"
    step npm ci --prefix "$folder" --omit dev --no-audit --no-fund --ignore-scripts --loglevel error
    cp "$services_source/package-lock.json" "$folder/installed"
}

# Prometheus itself is left out: installed as a package it would start as a service.
bring_promtool() {
    local folder
    folder="$(mktemp -d)"
    list_packages
    (cd "$folder" && step apt-get download prometheus && step dpkg-deb --extract prometheus_*.deb .)
    mv "$folder/usr/bin/promtool" "$services_cache/promtool"
    rm -r "$folder"
}

# Starts all servers, waits until they answer and exports where they are.
start_services() {
    services="$(mktemp -d "${TMPDIR:-/tmp}/palladium-services.XXXXXX")"
    # Servers that do not run as root have their folders in here.
    chmod 711 "$services"
    trap stop_services EXIT
    local postgres mariadb nginx moto s3rver azurite
    read -r postgres mariadb nginx moto s3rver azurite < <(free_ports 6)
    start_azurite "$azurite"
    start_s3rver "$s3rver"
    start_moto "$moto"
    start_nginx "$nginx"
    start_mariadb "$mariadb"
    start_postgres "$postgres"
    await nginx ask --output /dev/null "http://127.0.0.1:$nginx/"
    await postgres ask_postgres "$postgres"
    await mariadb mariadb --host 127.0.0.1 --port "$mariadb" --user palladium --password="$services_password" \
        --execute 'SELECT 1' palladium
    await moto ask --fail --output /dev/null --request PUT "http://127.0.0.1:$moto/models"
    await s3rver ask --output /dev/null "http://127.0.0.1:$s3rver/"
    await azurite make_azure_container "http://127.0.0.1:$azurite/devstoreaccount1" models

    export PALLADIUM_TEST_POSTGRES="postgresql://palladium:$services_password@127.0.0.1:$postgres/palladium"
    export PALLADIUM_TEST_POSTGRES_SOCKET="$services/postgres"
    export PALLADIUM_TEST_MYSQL_SOCKET="$services/mariadb/socket"
    export PALLADIUM_TEST_MYSQL="mysql://palladium:$services_password@127.0.0.1:$mariadb/palladium"
    export PALLADIUM_TEST_HTTP="http://127.0.0.1:$nginx"
    export PALLADIUM_TEST_S3="http://127.0.0.1:$moto"
    export PALLADIUM_TEST_S3_UNCONDITIONAL="http://127.0.0.1:$s3rver"
    export PALLADIUM_TEST_AZURE="http://127.0.0.1:$azurite/devstoreaccount1"
    export PALLADIUM_TEST_PYTHON="$services_cache/python/bin/python"
    export PALLADIUM_TEST_PROMTOOL="$services_cache/promtool"
    export PALLADIUM_TEST_CHROMEDRIVER=chromedriver
    export PALLADIUM_TEST_SERVERS=all
}

# Ends all servers and removes their files.
stop_services() {
    local name
    for name in "${!service_process[@]}"; do
        kill -s "${service_signal[$name]}" "${service_process[$name]}" 2>/dev/null || true
    done
    for name in "${!service_process[@]}"; do
        wait "${service_process[$name]}" 2>/dev/null || true
    done
    service_process=()
    # What was just being set up writes a moment longer.
    for _ in $(seq 50); do
        rm -rf "$services" 2>/dev/null && return
        sleep 0.1
    done
}

# free_ports COUNT: prints that many free ports in one line.
free_ports() {
    /usr/bin/python3 - "$1" <<'PYTHON'
import socket, sys
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(server.getsockname()[1] for server in sockets))
PYTHON
}

# become SIGNAL USER COMMAND...: makes this process the command, run by another user where this one is root. It gets the
# signal when its parent is gone, even if that was killed.
become() {
    local signal=$1 user=()
    [ "$(id -u)" -ne 0 ] || user=(--reuid "$2" --regid "$2" --init-groups)
    shift 2
    exec setpriv "${user[@]}" --pdeathsig "$signal" "$@"
}

# launch NAME SIGNAL USER COMMAND...: starts a server. The signal ends it: on call, or when this shell is killed.
launch() {
    local name=$1 signal=$2
    shift 2
    become "$signal" "$@" >"$services/$name.log" 2>&1 </dev/null &
    service_process[$name]=$!
    service_signal[$name]=$signal
}

# folder_for NAME USER: makes the folder of a server and prints its path.
folder_for() {
    local folder="$services/$1"
    mkdir -m 700 "$folder"
    [ "$(id -u)" -ne 0 ] || chown "$2" "$folder"
    printf '%s' "$folder"
}

# prepare NAME USER COMMAND...: waits for a command whose output matters only when it fails.
prepare() {
    local name=$1
    shift
    (become KILL "$@") >"$services/$name.log" 2>&1 </dev/null || give_up "$name" 'cannot be set up'
}

# await NAME COMMAND...: waits up to a minute until the command succeeds, and only as long as the server runs.
await() {
    local name=$1 deadline=$((SECONDS + 60))
    shift
    until "$@" >"$services/$name.answer" 2>&1; do
        kill -0 "${service_process[$name]}" 2>/dev/null || give_up "$name" 'has ended'
        [ "$SECONDS" -lt "$deadline" ] || give_up "$name" 'does not answer after a minute'
        sleep 0.1
    done
}

# ask URL...: requests something from a server on this machine, whatever proxy leads to others.
ask() {
    curl --silent --show-error --noproxy '*' "$@"
}

give_up() {
    {
        printf 'the test server %s %s. Its log:\n' "$1" "$2"
        tail --lines 40 "$services/$1.log"
        [ ! -s "$services/$1.answer" ] || { printf 'The last answer:\n' && tail --lines 5 "$services/$1.answer"; }
    } >&2
    exit 1
}

# start_postgres PORT [OPTION]...: starts PostgreSQL with further options of its program.
start_postgres() {
    local folder programs port=$1
    shift
    folder="$(folder_for postgres postgres)"
    programs="$(printf '%s\n' /usr/lib/postgresql/*/bin | sort --version-sort | tail --lines 1)"
    prepare postgres postgres "$programs/initdb" --pgdata "$folder/data" --username postgres --encoding UTF8 \
        --auth-local trust --auth-host scram-sha-256 --no-sync
    launch postgres QUIT postgres "$programs/postgres" -D "$folder/data" -p "$port" -c listen_addresses=127.0.0.1 \
        -c unix_socket_directories="$folder" -c max_connections=300 -c fsync=off "$@"
    chmod 711 "$folder"
    await postgres psql --host "$folder" --port "$port" --username postgres --no-psqlrc --set ON_ERROR_STOP=1 \
        --command "CREATE ROLE palladium LOGIN CREATEDB PASSWORD '$services_password'" \
        --command 'CREATE DATABASE palladium OWNER palladium' postgres
}

ask_postgres() {
    PGPASSWORD="$services_password" psql --host 127.0.0.1 --port "$1" --username palladium --command 'SELECT 1' palladium
}

# start_mariadb PORT [OPTION]...: starts MariaDB with further options of its program.
start_mariadb() {
    local folder port=$1
    shift
    folder="$(folder_for mariadb mysql)"
    prepare mariadb mysql mariadb-install-db --no-defaults --datadir="$folder/data" --skip-test-db \
        --auth-root-authentication-method=normal
    cat >"$services/mariadb.sql" <<SQL
CREATE DATABASE palladium;
CREATE USER palladium@'%' IDENTIFIED BY '$services_password';
GRANT ALL ON *.* TO palladium@'%';
SQL
    launch mariadb KILL mysql mariadbd --no-defaults --datadir "$folder/data" --socket "$folder/socket" --port "$port" \
        --bind-address 127.0.0.1 --skip-name-resolve --max-connections 300 --init-file "$services/mariadb.sql" "$@"
}

start_nginx() {
    local folder
    folder="$(folder_for nginx root)"
    mkdir "$folder/root"
    printf 'palladium:%s\n' "$(openssl passwd -apr1 "$services_password")" >"$folder/users"
    cat >"$folder/nginx.conf" <<NGINX
daemon off;
pid $folder/pid;
error_log stderr;
$([ "$(id -u)" -ne 0 ] || echo 'user root;')
events {}
http {
    access_log off;
    client_max_body_size 0;
    client_body_temp_path $folder/uploads;
    fastcgi_temp_path $folder/fastcgi;
    proxy_temp_path $folder/proxy;
    scgi_temp_path $folder/scgi;
    uwsgi_temp_path $folder/uwsgi;
    server {
        listen 127.0.0.1:$1;
        root $folder/root;
        dav_methods PUT DELETE MKCOL COPY MOVE;
        create_full_put_path on;
        auth_basic palladium;
        auth_basic_user_file $folder/users;
    }
}
NGINX
    launch nginx TERM root nginx -e stderr -p "$folder" -c "$folder/nginx.conf"
}

start_moto() {
    launch moto KILL root "$services_cache/python/bin/python" "$services_source/moto_server.py" 127.0.0.1 "$1"
}

start_s3rver() {
    local folder
    folder="$(folder_for s3rver root)"
    launch s3rver KILL root "$services_cache/node/node_modules/.bin/s3rver" --directory "$folder" \
        --address 127.0.0.1 --port "$1" --configure-bucket models
}

start_azurite() {
    local folder
    folder="$(folder_for azurite root)"
    launch azurite KILL root "$services_cache/node/node_modules/.bin/azurite-blob" --location "$folder" --silent \
        --blobHost 127.0.0.1 --blobPort "$1" --skipApiVersionCheck --disableTelemetry
}

# make_azure_container ACCOUNT_URL NAME: makes a container with the key of the emulator that everybody knows.
make_azure_container() {
    local key=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==
    local account=${1##*/} version=2021-08-06 date hexadecimal signature
    date="$(LC_ALL=C date --utc '+%a, %d %b %Y %H:%M:%S GMT')"
    hexadecimal="$(printf '%s' "$key" | base64 --decode | od -An -v -tx1 | tr -d ' \n')"
    signature="$(printf 'PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:%s\nx-ms-version:%s\n/%s/%s/%s\nrestype:container' \
        "$date" "$version" "$account" "$account" "$2" |
        openssl dgst -sha256 -mac HMAC -macopt "hexkey:$hexadecimal" -binary | base64)"
    ask --fail-with-body --request PUT "$1/$2?restype=container" \
        --header 'Content-Length: 0' --header "x-ms-date: $date" --header "x-ms-version: $version" \
        --header "Authorization: SharedKey $account:$signature"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    set -euo pipefail
    bring_services
    start_services
    setpriv --pdeathsig TERM "$@"
fi
