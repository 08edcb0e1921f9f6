"""The same work in Python, for `npm run bench -- --peers PYTHON`.

`python main.py NAME [WORDS]` prepares, prints `ready LIBRARY VERSION` or `absent REASON`, and then runs the work once for every line on
stdin, printing the seconds it took.
"""
import os
import sys
import time
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.filterwarnings("ignore")


def prepare(name, words):
    import with_keras
    import with_others
    import with_tools
    import with_torch

    name = name.replace("-", "_")
    for module in (with_keras, with_torch, with_others, with_tools):
        if hasattr(module, name):
            return getattr(module, name)(*words)
    raise LookupError(name)


def main():
    name, *words = sys.argv[1:]
    try:
        title, run = prepare(name, words)
    except ImportError as error:
        print(f"absent {error.name} missing", flush=True)
        return
    except Exception as error:
        print(f"absent {type(error).__name__}: {' '.join(str(error).split())[:200]}", flush=True)
        return
    print(f"ready {title}", flush=True)
    for _ in sys.stdin:
        started = time.perf_counter()
        run()
        print(time.perf_counter() - started, flush=True)


main()
