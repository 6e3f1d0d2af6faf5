"""x"""
from __future__ import annotations
import os, sys, tempfile, time
from collections import Counter, defaultdict
from pathlib import Path
from benchmarks.context.bench import default_data
from benchmarks.context.corpora import CORPORA, fetch
from benchmarks.cost import clock
from benchmarks.cost.day import DAY, QUICK, Replay
from tests.messages_api import MessagesApi
from claude_lsp.claude.catalog import lookup, cost_usd, Usage

async def main(loop):
    quick = "--quick" in sys.argv
    names = ("httpx","rich","scrapy","pygls")
    async with MessagesApi(clock=loop.time) as api:
        for k,v in api.environment().items():
            if k.startswith("ANTHROPIC"): os.environ[k]=v
        os.environ.pop("ANTHROPIC_LOG",None)
        replay = Replay(api, loop, QUICK if quick else DAY)
        for n in names:
            t=time.time()
            await replay.project(fetch(CORPORA[n], default_data()), judged=n=="scrapy")
            print(n, f"{time.time()-t:.1f}s", f"day {loop.time():.0f}", file=sys.stderr)
    return replay.day

with tempfile.TemporaryDirectory() as f:
    os.environ["HOME"]=f; os.environ["CLAUDE_LSP_STATE_DIR"]=f+"/state"; os.environ["CLAUDE_LSP_CACHE_DIR"]=f+"/cache"
    t=time.time()
    data=default_data()
    day = clock.run(main)
print(time.time()-t, day.keys, day.taken, Counter(t.action for t in day.triggers), day.failures[:3], len(day.failures))
rows=defaultdict(lambda: [0,Usage(),0.0])
for a in day.asked:
    r=rows[a.action]; r[0]+=1; r[1]+=a.usage; r[2]+=cost_usd(lookup(a.model),a.usage)
tot=0
for k,(n,u,c) in rows.items():
    tot+=c
    print(k,n,u, f"read {u.cache_read/max(1,u.prompt):.2f} ${c:.4f} prompt/req {u.prompt/n:.0f} out/req {u.output/n:.0f}")
print(tot)
import re
comp=defaultdict(lambda: defaultdict(list))
for a in day.asked:
    body=a.received.body
    k=a.action
    comp[k]["system"].append(len(body["system"][0]["text"])/2.5)
    for b in body["messages"][0]["content"]:
        t=b["text"]
        doc=0
        for m in re.finditer(r'<document .*?</document>\n', t, re.S): doc+=len(m[0])
        byw=defaultdict(int)
        for m in re.finditer(r'<file path="[^"]*" why="([^"(]*).*?</file>\n', t, re.S): byw[m[1]]+=len(m[0])
        if doc: comp[k]["document"].append(doc/2.5)
        for w,c in byw.items(): comp[k][w].append(c/2.5)
for k,v in comp.items(): print(k, {w:(len(c), round(sum(c)/len(c))) for w,c in v.items()})
