#!/bin/sh
# Compiles our classes against OODT's jars, runs their tests and packs them: build.sh CLASS_PATH OUTPUT_JAR
set -eu

class_path=$1
jar=$2
here=$(dirname "$0")
classes=$(mktemp -d)
test_classes=$(mktemp -d)
trap 'rm -rf "$classes" "$test_classes"' EXIT

find "$here/src/main" -name '*.java' -exec javac -Werror -encoding UTF-8 -cp "$class_path" -d "$classes" {} +
find "$here/src/test" -name '*.java' -exec javac -Werror -encoding UTF-8 -cp "$classes:$class_path" -d "$test_classes" {} +
for test in $(cd "$test_classes" && find . -name '*Test.class' | sed 's|^\./||; s|/|.|g; s|\.class$||'); do
    java -cp "$test_classes:$classes:$class_path" junit.textui.TestRunner "$test"
done
jar --create --file "$jar" -C "$classes" .
