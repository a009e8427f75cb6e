"""Runs this project's Pulumi program for a CLI that was built without the vendor's Python language host.

The engine starts it as `pulumi-language-python`, reads the port from its first line, and calls `Run`. The
SDK's own server does the work: it runs programs that are functions, and the function here runs `__main__.py`.
"""

import os
import runpy
import signal
import sys
import threading
from concurrent import futures
from types import FrameType

import grpc
from pulumi.automation._server import LanguageServer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

PARENT_CHECK_INTERVAL = 1  # seconds


class ProgramServer(LanguageServer):
    """The SDK's server for the program in the folder that the engine names."""

    def __init__(self, engine_address: str) -> None:
        super().__init__(program=lambda: None)
        self.engine_address = engine_address

    def Run(
        self, request: language_pb2.RunRequest, context: grpc.ServicerContext
    ) -> language_pb2.RunResponse:
        folder = request.info.program_directory or request.pwd
        path = os.path.normpath(os.path.join(folder, request.info.entry_point))

        def program() -> None:
            os.chdir(request.pwd)
            runpy.run_path(path, run_name="__main__")

        self.program = program
        request.args[:] = [self.engine_address]  # where the SDK's server looks for it
        answer: language_pb2.RunResponse = super().Run(request, context)  # type: ignore[no-untyped-call]
        if answer.error:
            # The SDK's server has reported it already, and the engine would print it again.
            answer.error, answer.bail = "", True
        return answer


def main() -> None:
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), options=_GRPC_CHANNEL_OPTIONS)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(
        ProgramServer(engine_address=sys.argv[-1]), server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    ended = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ended.set()

    # The engine ends its plugins with SIGINT.
    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    parent = os.getppid()
    while os.getppid() == parent and not ended.wait(PARENT_CHECK_INTERVAL):
        pass  # an engine that is killed sends no signal
    server.stop(grace=None).wait()


if __name__ == "__main__":
    main()
