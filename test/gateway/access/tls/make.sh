#!/bin/sh
# Makes the certificates beside it anew; keys that guard nothing. Valid for a hundred years.
set -eu
cd "$(dirname "$0")"
new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }
new_key ca.key
openssl req -x509 -new -key ca.key -days 36500 -subj '/CN=Bazar test authority' -out ca.pem
signed() { # NAME DAYS
  new_key "$1.key"
  openssl req -new -key "$1.key" -subj "/CN=$1" |
    openssl x509 -req -CA ca.pem -CAkey ca.key -days "$2" -extfile extensions.txt -out "$1.pem"
}
printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\n' > extensions.txt
signed first 36500
signed second 36500
openssl pkey -in first.key -aes256 -passout pass:secret -out encrypted.key
rm -f ca.key extensions.txt
