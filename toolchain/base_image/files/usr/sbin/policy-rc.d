#!/bin/sh
# Installing a package in an image starts no service.
exit 101
