"""A watcher of your own in forty lines: Nacos' v1 long poll behind the driver protocol. Python's standard library only."""
import hashlib, json, sys, threading, time
from urllib import error, parse, request

clients, out = {}, threading.Lock()

def say(event, **keys):
    with out:  # one line is one event; the clock is read first, so that events are told in order
        print(json.dumps({"event": event, "at": time.monotonic_ns(), **keys}), flush=True)

def md5(text):
    return hashlib.md5(text.encode()).hexdigest()

def call(c, path, form, timeout, headers={}, method="GET"):
    query = parse.urlencode({"tenant": clients[c]["namespace"], **form})
    url, body = f"http://{clients[c]['servers'][0]}/nacos/v1/cs/{path}", query.encode() if method == "POST" else None
    asked = request.Request(url if body else f"{url}?{query}", body, headers, method=method)
    return request.urlopen(asked, timeout=timeout).read().decode()

def read(c, key, timeout):
    try:
        return call(c, "configs", {"dataId": key["data_id"], "group": key["group"]}, timeout)
    except error.HTTPError as wrong:
        if wrong.code == 404:
            return None  # the item does not exist
        raise

def follow(c, key):
    held, pause = "", "\x02".join
    while True:
        try:
            probe = pause([key["data_id"], key["group"], held, clients[c]["namespace"]]) + "\x01"
            if call(c, "configs/listener", {"Listening-Configs": probe}, 40, {"Long-Pulling-Timeout": "30000"}, "POST"):
                content = read(c, key, 5)
                held = "" if content is None else md5(content)
                gone = {"event": "gone"} if content is None else {"event": "value", "content": content, "md5": held, "source": "server"}
                say(gone.pop("event"), client=c, key=key, **gone)
        except OSError:
            time.sleep(1)  # your backoff: declare it by `like`, and it is judged

def get(c, key, id, timeout):
    try:
        content = read(c, key, timeout)
        say("got", client=c, id=id, content=content, md5=None if content is None else md5(content), source="server")
    except OSError as wrong:
        say("failed", client=c, id=id, command="get", message=str(wrong))

def publish(c, key, id, content):
    try:
        call(c, "configs", {"dataId": key["data_id"], "group": key["group"], "content": content}, 5, method="POST")
        say("published", client=c, id=id)
    except OSError as wrong:
        say("failed", client=c, id=id, command="publish", message=str(wrong))

def start(work, *arguments):
    threading.Thread(target=work, args=arguments, daemon=True).start()

say("hello", protocol=1, driver="example", sdk="urllib", sdk_version="1.0", runtime="python " + sys.version.split()[0])
for line in sys.stdin:
    command = json.loads(line)
    kind, c, key, id = (command.get(name) for name in ("command", "client", "key", "id"))
    if kind == "clock":
        say("clock")
    elif kind == "start":
        clients[c] = command
        say("started", client=c)
    elif kind == "listen":
        say("listening", client=c, key=key)
        start(follow, c, key)
    elif kind == "get":
        start(get, c, key, id, command["timeout_ms"] / 1000)
    elif kind == "publish":
        start(publish, c, key, id, command["content"])
    elif kind == "stop":
        break
