"""Results for readers: reports, tables of many images, figures."""
