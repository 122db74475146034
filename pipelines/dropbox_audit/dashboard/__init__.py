"""Pages over the views, in a browser. `queries/` asks, `pages/` show, `serve.py` starts; nothing else imports this."""
