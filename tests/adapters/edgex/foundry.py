"""A stand-in for EdgeX, built from its published interface and nothing else: no EdgeX ran when it was written.

Sources (edgexfoundry): edgex-go openapi core-command.yaml and core-metadata.yaml 4.0; edgex-go core-command's controller/messaging
/external.go (topics, what is answered, retained answers, silence where an id is no UUID); device-sdk-go application/command.go (423, 405,
what a value must parse as, whose words an error has); go-mod-messaging message_envelope.go; go-mod-core-contracts dtos (%e of floats).
"""

import asyncio
import base64
import json
import re
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiomqtt
from aiohttp import web

from adapters.waiting import ended

INTEGER = re.compile(r"[+-]?[0-9]+")


@dataclass
class Resource:
    """``units``: as the profile has them. ``broken``: the device does not answer; ``deaf``: it takes a value and does not keep it.

    ``follows``: what it is, where that follows from others.
    """

    kind: str
    value: Any
    access: str = "RW"
    units: str = ""
    minimum: float | None = None
    maximum: float | None = None
    broken: bool = False
    deaf: bool = False
    follows: Callable[[], Any] | None = None

    @property
    def now(self) -> Any:
        """Its value."""
        return self.value if self.follows is None else self.follows()


@dataclass
class Machine:
    """One device and its profile."""

    resources: dict[str, Resource]
    commands: dict[str, tuple[str, ...]] = field(default_factory=dict)
    profile: str = "Profile"
    admin: str = "UNLOCKED"
    operating: str = "UP"
    maker: str = "Acme"
    model: str = "X1"


class Fault(Exception):
    """As the device SDK answers. ``code``: of HTTP."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def said(kind: str, value: Any) -> str:
    """As Go prints it: %v, and %e of floats."""
    if kind == "Bool":
        return "true" if value else "false"
    if kind.startswith("Float"):
        return f"{float(value):e}"
    return str(value)


def parsed(kind: str, text: Any) -> Any:
    """As strconv parses it; raises Fault as the SDK does."""
    text = text if isinstance(text, str) else json.dumps(text)
    try:
        if kind == "Bool":
            return {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}[text.lower()]
        if kind == "String":
            return text
        if kind.startswith("Float"):
            return float(text)
        if INTEGER.fullmatch(text) is None:
            raise ValueError(text)
        bits = int(kind.removeprefix("Uint").removeprefix("Int"))
        low, high = (0, 2**bits - 1) if kind.startswith("Uint") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        if not low <= int(text) <= high:
            raise ValueError(text)
        return int(text)
    except (ValueError, KeyError) as fault:
        raise Fault(500, f"failed to convert set parameter {text} to ValueType {kind}") from fault


class Edgex:
    """Its devices by name. ``asked``: every command; ``mischief``: HTTP answers in place of the next ones, by method; ``metadata``: what
    core-metadata answers instead of its devices.
    """

    def __init__(self, **machines: Machine) -> None:
        self.machines = {name.replace("_", "-"): one for name, one in machines.items()}
        self.asked: list[tuple[str, str, str, Any]] = []
        self.mischief: list[tuple[str, Callable[[], web.Response]]] = []
        self.correlations: list[str] = []
        self.metadata: Callable[[], web.Response] | None = None
        self.token = ""
        self.version = "v3"
        self.port = 0
        self.skew_s = 0.0
        self.now: Callable[[], float] = time.time

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def puts(self) -> list[tuple[str, str, Any]]:
        return [(device, command, body) for method, device, command, body in self.asked if method == "set"]

    def event(self, device: str, *names: str, source: str = "", origin_s: float | None = None) -> dict[str, Any]:
        """What a device service publishes of these resources."""
        machine = self.machines[device]
        origin = int((self.now() + self.skew_s if origin_s is None else origin_s) * 1e9)
        readings = [
            {
                "id": str(uuid.uuid4()),
                "origin": origin,
                "deviceName": device,
                "resourceName": name,
                "profileName": machine.profile,
                "valueType": machine.resources[name].kind,
                "units": machine.resources[name].units,
                "value": said(machine.resources[name].kind, machine.resources[name].now),
            }
            for name in names
        ]
        return {
            "apiVersion": self.version,
            "id": str(uuid.uuid4()),
            "deviceName": device,
            "profileName": machine.profile,
            "sourceName": source or names[0],
            "origin": origin,
            "readings": readings,
        }

    def command(self, device: str, command: str, method: str, body: Any) -> dict[str, Any] | None:
        """Carry one out; raises Fault."""
        self.asked.append((method, device, command, body))
        machine = self.machines.get(device)
        if machine is None:
            raise Fault(404, f"device {device} not found")
        if machine.admin == "LOCKED":
            raise Fault(423, f"device {device} locked")
        if machine.operating == "DOWN":
            raise Fault(423, f"device {device} OperatingState is DOWN")
        names = machine.commands.get(command, (command,))
        for name in names:
            if name not in machine.resources:
                raise Fault(404, f"deviceResource {name} not found")
            access = machine.resources[name].access
            if ("R" if method == "get" else "W") not in access:
                kind = "write-only" if method == "get" else "read-only"
                raise Fault(405, f"deviceResource {name} is marked as {kind}")
            if machine.resources[name].broken:
                raise Fault(500, f"error reading DeviceResourece {name} for {device}")
        if method == "get":
            return self.event(device, *names, source=command)
        for name in names:
            if not isinstance(body, dict) or name not in body:
                raise Fault(500, f"deviceResource {name} not found in request body and no default value defined")
            one = machine.resources[name]
            value = parsed(one.kind, body[name])
            if one.maximum is not None and value > one.maximum:
                raise Fault(400, f"set command parameter out of maximum value {one.maximum}")
            if not one.deaf:
                one.value = value
        return None

    async def handle(self, request: web.Request) -> web.Response:
        """GET and PUT of ``/api/v3/device/name/{name}/{command}``."""
        self.correlations.append(request.headers.get("X-Correlation-ID", ""))
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.Response(status=401, text="<html>401 Authorization Required</html>", content_type="text/html")
        method = "get" if request.method == "GET" else "set"
        device, command = request.match_info["name"], request.match_info["command"]
        if self.mischief and self.mischief[0][0] == method:
            self.asked.append((method, device, command, None))
            return self.mischief.pop(0)[1]()
        try:
            body = json.loads(await request.text()) if method == "set" else None
            event = self.command(device, command, method, body)
        except Fault as fault:
            answer = {"apiVersion": self.version, "requestId": "", "message": str(fault), "statusCode": fault.code}
            return web.json_response(answer, status=fault.code)
        done: dict[str, Any] = {"apiVersion": self.version, "requestId": "", "statusCode": 200}
        return web.json_response(done if event is None else {**done, "event": event})

    async def devices(self, request: web.Request) -> web.Response:
        """core-metadata's ``/device/all``, page by page."""
        if self.metadata is not None:
            return self.metadata()
        offset, limit = int(request.query.get("offset", "0")), int(request.query.get("limit", "20"))
        found = [
            {
                "name": name,
                "profileName": machine.profile,
                "serviceName": "device-virtual",
                "adminState": machine.admin,
                "operatingState": machine.operating,
            }
            for name, machine in sorted(self.machines.items())
        ]
        page = found[offset : offset + limit]
        return web.json_response(
            {"apiVersion": self.version, "statusCode": 200, "totalCount": len(found), "devices": page}
        )

    async def profile(self, request: web.Request) -> web.Response:
        """core-metadata's ``/deviceprofile/name/{name}``."""
        name = request.match_info["name"]
        machine = next((one for one in self.machines.values() if one.profile == name), None)
        if machine is None:
            answer = {"apiVersion": self.version, "statusCode": 404, "message": f"fail to query device profile {name}"}
            return web.json_response(answer, status=404)
        resources = [
            {
                "name": each,
                "isHidden": False,
                "properties": {
                    "valueType": one.kind,
                    "readWrite": one.access,
                    "units": one.units,
                    **({} if one.minimum is None else {"minimum": one.minimum}),
                    **({} if one.maximum is None else {"maximum": one.maximum}),
                },
            }
            for each, one in machine.resources.items()
        ]
        profile = {
            "name": name,
            "manufacturer": machine.maker,
            "model": machine.model,
            "deviceResources": resources,
            "deviceCommands": [],
        }
        return web.json_response({"apiVersion": self.version, "statusCode": 200, "profile": profile})

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Edgex"]:
        """On a port of the system's choice."""
        app = web.Application()
        base = f"/api/{self.version}"
        app.router.add_get(f"{base}/device/all", self.devices)
        app.router.add_get(f"{base}/deviceprofile/name/{{name}}", self.profile)
        app.router.add_get(f"{base}/device/name/{{name}}/{{command}}", self.handle)
        app.router.add_put(f"{base}/device/name/{{name}}/{{command}}", self.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()

    @asynccontextmanager
    async def bridging(self, port: int, **broker: Any) -> AsyncIterator[aiomqtt.Client]:
        """core-command's external MQTT at a broker, and the client by which events are published."""
        async with aiomqtt.Client("127.0.0.1", port, **broker) as client:
            await client.subscribe("edgex/command/request/#")
            task = asyncio.create_task(self._bridge(client))
            try:
                yield client
            finally:
                await ended([task])

    async def _bridge(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            answer = self.bridged(str(message.topic), bytes(message.payload))
            if answer is not None:
                await client.publish(answer[0], answer[1], qos=0, retain=True)

    def bridged(self, topic: str, body: bytes) -> tuple[str, bytes] | None:
        """What is answered, and where; None: nobody is told anything."""
        envelope = json.loads(body)
        try:
            uuid.UUID(envelope["requestID"])
            uuid.UUID(envelope["correlationID"])
        except (KeyError, ValueError):
            return None
        if envelope.get("apiVersion") != self.version or envelope.get("contentType") != "application/json":
            return None
        device, command, method = topic.split("/")[-3:]
        response = f"edgex/command/response/{device}/{command}/{method}"
        told = {**envelope, "receivedTopic": response, "queryParams": {}}
        try:
            settings = json.loads(base64.b64decode(envelope["payload"])) if method == "set" else None
            event = self.command(device, command, method, settings)
        except Fault as fault:
            text = base64.b64encode(str(fault).encode()).decode()
            told |= {"errorCode": 1, "payload": text, "contentType": "text/plain"}
            return response, json.dumps(told).encode()
        done: dict[str, Any] = {"apiVersion": self.version, "requestId": envelope["requestID"], "statusCode": 200}
        payload = json.dumps(done if event is None else {**done, "event": event}).encode()
        told |= {"errorCode": 0, "payload": base64.b64encode(payload).decode()}
        return response, json.dumps(told).encode()


def enveloped(event: dict[str, Any]) -> dict[str, Any]:
    """As a device service of 3.x publishes it: an AddEventRequest in base64."""
    request = {"apiVersion": event["apiVersion"], "requestId": str(uuid.uuid4()), "event": event}
    return {
        "apiVersion": event["apiVersion"],
        "receivedTopic": "",
        "correlationID": str(uuid.uuid4()),
        "requestID": str(uuid.uuid4()),
        "errorCode": 0,
        "payload": base64.b64encode(json.dumps(request).encode()).decode(),
        "contentType": "application/json",
    }
