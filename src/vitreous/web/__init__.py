"""The application in the browser: routes that translate, one stream of events, accounts."""
