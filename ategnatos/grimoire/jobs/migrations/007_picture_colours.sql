-- Which colours a picture is made of, by its bytes: derived, and measured anew wherever it is
-- missing. Names with a space before and after each, the largest share first; '' was looked at and
-- has none.
CREATE TABLE picture_colours (
    sha256 TEXT PRIMARY KEY,
    words  TEXT NOT NULL
);
