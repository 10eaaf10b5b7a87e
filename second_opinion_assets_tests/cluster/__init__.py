"""Several machines as processes of one: a database, a queue, workers, an object store."""
