#!/usr/bin/env bash
# Brings Swagger UI, the page at `/docs`, into the tree: the files of the npm package `swagger-ui-dist` that the page
# needs, compressed, with their licences and where they are from.
#
#     ./scripts/vendor/swagger-ui.sh [VERSION SHA256]
#
# Without arguments the version that is there is brought again. The SHA-256 is that of the package's archive.
set -euo pipefail
cd "$(dirname "$0")/../.."

assets=components/openapi/assets/swagger-ui
version="${1:-$(sed -n 's/^version: //p' "$assets/SOURCE")}"
expected="${2:-$(sed -n 's/^sha256: //p' "$assets/SOURCE")}"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
archive="$work/$(npm pack --silent --pack-destination "$work" "swagger-ui-dist@$version")"
found="$(sha256sum "$archive" | cut -d ' ' -f 1)"
[ "$found" = "$expected" ] || {
    printf 'the archive has the SHA-256 %s, not %s\n' "$found" "$expected" >&2
    exit 1
}
tar --extract --gzip --file "$archive" --directory "$work"

rm -rf "$assets"
mkdir -p "$assets"
for file in swagger-ui-bundle.js swagger-ui.css; do
    gzip --best --no-name --stdout "$work/package/$file" >"$assets/$file.gz"
done
cp "$work/package/"{LICENSE,NOTICE,swagger-ui-bundle.js.LICENSE.txt} "$assets"
cat >"$assets/SOURCE" <<SOURCE
package: swagger-ui-dist
version: $version
licence: Apache-2.0
sha256: $found
brought by: scripts/vendor/swagger-ui.sh
SOURCE
