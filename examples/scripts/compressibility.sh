#!/bin/sh
# /// vitreous
# title = "Measure compressibility"
# summary = "Compress each movie by gzip: movies without signal, or with a dead detector, stand out."
# category = "Calculate Statistics"
# order = 20
# needs = ["movie"]
# timeout = "30m"
#
# [gives.compressibility]
# columns.movie_bytes = { kind = "int", unit = "bytes", meaning = "size of the movie's file" }
# columns.gzip_ratio = { meaning = "size of the movie's file over that of its gzip-compressed form" }
#
# [parameters.level]
# type = "int"
# default = 1
# min = 1
# max = 9
# help = "how hard gzip tries"
# ///
set -eu

bytes=$(wc -c < "$VITREOUS_MOVIE")
echo "progress: 0.1 compressing"
packed=$(gzip -n -c "-$VITREOUS_PARAM_LEVEL" "$VITREOUS_MOVIE" | wc -c)
echo "set movie_bytes = $((bytes))"
echo "set gzip_ratio = $(awk -v a="$bytes" -v b="$packed" 'BEGIN { printf "%.4f", a / b }')"
