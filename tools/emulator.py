"""Starts MiniStack, an emulator of AWS, with one correction.

CloudFormation replaces an `AWS::ECS::Service` whose name changes, and every revision of a fleet has a service of its own name. MiniStack 1.5 updates
it in place instead, which fails because no service has the new name yet. Only a redeploy needs this; the templates know nothing of it.

Run it like `ministack`, with the same environment.
"""

from ministack.app import main
from ministack.services.cloudformation import provisioners

REPLACED_WHEN_CHANGED = ("Cluster", "LaunchType", "ServiceName")

if __name__ == "__main__":
    provisioners._REPLACING_PROPERTIES.setdefault("AWS::ECS::Service", REPLACED_WHEN_CHANGED)
    main()
