"""The MCP server: named questions about the warehouse as tools, read-only and bounded, for an assistant to ask.

    server.py         puts it together: tools, prompts, resources, and what a model is told about all of them
    tools/            the questions
    prompts.py        work that is done again and again, as steps over the tools
    desk.py           opens the warehouse for one question, and says what an answer rests on
    select.py         one select, its conditions put together from arguments
    answers.py        the shape of every answer; cuts and cleans what strangers wrote
    guard.py          what SQL from outside may be made of
    transport.py      stdio and HTTP
    configuration.py  the block that a client's configuration needs

Needs the extra `mcp`. Nothing else imports this package, so a poll does not pay for it.
"""
