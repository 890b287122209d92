#!/bin/sh
# The source distribution holds everything that a build needs and nothing made on this machine.
# usage: tools/check_sdist.sh .venv
set -eu
python=$(cd "$1" && pwd)/bin/python
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
"$python" -c "import sys; from scikit_build_core.build import build_sdist; build_sdist(sys.argv[1])" "$place" > /dev/null
tar -C "$place" -xzf "$place"/facula-*.tar.gz
made=$(find "$place"/facula-*/ -name '*.o' -o -name '*.so' -o -name '*.pyc' -o -name '.venv')
if [ -n "$made" ]; then echo "the source distribution holds build products:"; echo "$made"; exit 1; fi
for file in $(git ls-files src facula cmake CMakeLists.txt pyproject.toml LICENSE README.md); do
  cmp -s "$file" "$place"/facula-*/"$file" || { echo "the source distribution lacks $file (or it differs)"; exit 1; }
done
size=$(du -k "$place"/facula-*.tar.gz | cut -f1)
echo "source distribution: $size KiB"
[ "$size" -le 5000 ]
