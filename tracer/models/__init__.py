"""From a row of the registry to a loaded network; knows no method."""
