"""``train launch|status|watch|stop|resume|list|queue``: runs, as a person steers them."""
