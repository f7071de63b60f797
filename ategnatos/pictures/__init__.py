"""Contact sheets, metadata, export and fit: pictures as files, whoever made them."""
