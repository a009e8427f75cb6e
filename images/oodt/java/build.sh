#!/bin/sh
# Compiles our classes against OODT's jars and packs them: build.sh CLASS_PATH OUTPUT_JAR
set -eu

class_path=$1
jar=$2
here=$(dirname "$0")
classes=$(mktemp -d)
trap 'rm -rf "$classes"' EXIT

# Manifests of OODT's jars name jars that OODT does not ship, so javac does not complain about paths.
find "$here/src/main" -name '*.java' \
    -exec javac -Xlint:all,-path -Werror -encoding UTF-8 -cp "$class_path" -d "$classes" {} +
jar --create --file "$jar" -C "$classes" .
