"""Target local: processes of this machine's supervisor behind this machine's Traefik.

Owns the form of such a unit. Needs the provider croft.
"""

import pulumi

from components.provider.resources import GatewayRoute, Process
from components.targets import ServiceArgs

START_TIMEOUT_S = 30


class LocalTarget:
    def service(
        self, name: str, args: ServiceArgs, opts: pulumi.ResourceOptions
    ) -> pulumi.Output[str]:
        url = f"http://127.0.0.1:{args.port}"
        process = Process(
            name,
            name=args.unit,
            argv=[f"{{tools}}/bin/{args.program}", *args.arguments],
            files=args.files,
            cwd="{files}",
            after=["postgres"],
            health={
                "kind": "http",
                "port": args.port,
                "path": args.ready_path,
                "start_timeout_s": START_TIMEOUT_S,
            },
            opts=opts,
        )
        # After the process: a route is only there while something answers behind it.
        GatewayRoute(
            name,
            name=args.route,
            config=args.routes(url),
            opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[process])),
        )
        return process.name.apply(lambda _: url)
