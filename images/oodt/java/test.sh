#!/bin/sh
# Runs the tests of our classes: test.sh CLASS_PATH. The path has our classes, OODT's jars and JUnit.
set -eu

class_path=$1
here=$(dirname "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/classes" "$folder/tmp"
export TWO_LINES='first
second=3'

find "$here/src/test" -name '*.java' \
    -exec javac -Xlint:all,-path -Werror -encoding UTF-8 -cp "$class_path" -d "$folder/classes" {} +
for test in $(cd "$folder/classes" && find . -name '*Test.class' | sed 's|^\./||; s|/|.|g; s|\.class$||'); do
    java -Djava.io.tmpdir="$folder/tmp" -cp "$folder/classes:$class_path" junit.textui.TestRunner "$test"
done
