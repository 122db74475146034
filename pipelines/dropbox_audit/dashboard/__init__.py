"""Pages over the views, in a browser. `queries/` asks, `screens/` show, `serve.py` starts; nothing else imports this."""
