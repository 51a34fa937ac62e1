"""What must hold of the templates, and no linter knows; what people see of it all has its own file, test_observability.py.

    python -m unittest discover -s tests/templates
"""

import hashlib
import json
import pathlib
import re
import unittest

from templates import CONTROL_PLANE, FLEET, OBSERVABILITY, of_type, references, statements

# Of fleet.yaml alone: what template.yaml knows itself.
OF_THE_CONTROL_PLANE = {"ControlPlane", "ApiId", "SubnetA", "SubnetB", "SecurityGroup"}
# What Lambda itself does with a function's role, to bring it the messages of a queue.
EVENT_SOURCES = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
# RunTask with tags, and the parts of a transaction, are checked under these.
IMPLIED = {"ecs:TagResource", "dynamodb:PutItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"}
ROOT = pathlib.Path(__file__).parents[2]
MIB = 1024
# Fargate's table of pairs, from its developer guide.
FARGATE_MEMORY = {
    "256": [512, 1024, 2048],
    "512": range(1 * MIB, 4 * MIB + 1, MIB),
    "1024": range(2 * MIB, 8 * MIB + 1, MIB),
    "2048": range(4 * MIB, 16 * MIB + 1, MIB),
    "4096": range(8 * MIB, 30 * MIB + 1, MIB),
    "8192": range(16 * MIB, 60 * MIB + 1, 4 * MIB),
    "16384": range(32 * MIB, 120 * MIB + 1, 8 * MIB),
}


class Parameters(unittest.TestCase):
    def test_the_first_fleet_has_all_parameters_of_a_fleet(self):
        passed = CONTROL_PLANE["Resources"]["FirstFleet"]["Properties"]["Parameters"]
        self.assertEqual(set(passed), set(FLEET["Parameters"]))
        for name in set(passed) - OF_THE_CONTROL_PLANE:
            self.assertEqual(passed[name], {"Ref": name})

    def test_a_parameter_means_the_same_in_both_templates(self):
        for name in set(FLEET["Parameters"]) - OF_THE_CONTROL_PLANE:
            ours, theirs = (dict(template["Parameters"][name]) for template in (CONTROL_PLANE, FLEET))
            for definition in (ours, theirs):
                definition.pop("Description")
            if name == "Fleet":
                self.assertEqual(ours.pop("Default"), "default")
            with self.subTest(name):
                self.assertEqual(ours, theirs)
        self.assertEqual(CONTROL_PLANE["Rules"], FLEET["Rules"])

    def test_rules_admit_exactly_fargates_pairs(self):
        admitted = {}
        for rule in FLEET["Rules"].values():
            _, cpu = rule["RuleCondition"]["Fn::Equals"]
            ((values, memory),) = [assertion["Assert"]["Fn::Contains"] for assertion in rule["Assertions"]]
            self.assertEqual(memory, {"Ref": "Memory"})
            admitted[cpu] = [int(value) for value in values]
        self.assertEqual(admitted, {cpu: list(memory) for cpu, memory in FARGATE_MEMORY.items()})
        self.assertEqual(set(admitted), set(FLEET["Parameters"]["Cpu"]["AllowedValues"]))

    def test_patterns(self):
        cases = {
            "Fleet": (["default", "a", "a" * 18], ["", "Default", "1a", "a_b", "a" * 19, "-a"]),
            "Scope": (["org/octo-org", "repo/octo-org/hello.world", "enterprise/e"], ["octo-org", "org/", "repo/hello", "org/a/b", "org/a b"]),
            "Labels": (["", "self-hosted,linux,x64", "gpu"], ["a, b", "a,,b", ",a", 'a"b', "a b"]),
            "ApiUrl": (
                ["https://api.github.com", "https://ghes.example.com/api/v3", "http://127.0.0.1:8080", "https://api.octo.ghe.com"],
                ["http://api.github.com", "https://api.github.com/", "http://127.0.0.1:80.example.com", "api.github.com", 'https://a"b'],
            ),
            "Credential": (["default", "app-2"], ["", "a/b", "a b"]),
            "ManagedPolicyArns": (
                ["", "arn:aws:iam::aws:policy/ReadOnlyAccess,arn:aws:iam::123456789012:policy/p"],
                ["ReadOnlyAccess", "arn:aws:iam::aws:policy/A, arn:aws:iam::aws:policy/B"],
            ),
        }
        for name, (good, bad) in cases.items():
            pattern = FLEET["Parameters"][name]["AllowedPattern"]
            for value in good + bad:
                with self.subTest(name, value=value):
                    self.assertEqual(bool(re.fullmatch(pattern, value)), value in good)

    def test_spot_shares_have_their_weights(self):
        weights = FLEET["Mappings"]["Weights"]
        self.assertEqual(set(weights), set(FLEET["Parameters"]["SpotPercent"]["AllowedValues"]))
        for percent, weight in weights.items():
            self.assertEqual((weight["Spot"], weight["OnDemand"]), (int(percent), 100 - int(percent)))


class Fleet(unittest.TestCase):
    def test_no_change_updates_a_service_in_place(self):
        """CloudFormation would reset its desired count. So whatever the service is made of must make a new revision, hence another service."""
        resources = FLEET["Resources"]
        service = references(resources["Service"]["Properties"]) - {"TaskDefinition", "AWS::Region", "AWS::AccountId"}
        definition = references(resources["TaskDefinition"]["Properties"])
        self.assertLessEqual(service, definition)
        self.assertIn({"Ref": "TaskDefinition"}, resources["Service"]["Properties"]["ServiceName"]["Fn::Join"][1][2]["Fn::Select"][1]["Fn::Split"])
        self.assertEqual(resources["Service"]["Properties"]["DesiredCount"], 0)
        for name in ("Service", "TaskDefinition"):
            self.assertEqual(resources[name]["UpdateReplacePolicy"], "Retain")
        self.assertNotIn("Condition", resources["Service"], "a change of the launch mode would delete it, and with it running jobs")

    def test_attributes_are_not_used(self):
        """An emulator forgets them in the update of a nested stack (see the comment in fleet.yaml)."""
        self.assertNotIn("GetAtt", str(FLEET["Resources"]))

    def test_the_description_names_every_field_once(self):
        text = FLEET["Resources"]["Description"]["Properties"]["Value"]["Fn::Sub"][0]
        self.assertEqual(
            re.findall(r'"([a-z_]+)":', text),
            "fleet scope api_url credential labels runner_group_id registration launch_mode maximum warm allow_public_repositories task_role cluster "
            "task_definition service spot_percent subnets security_groups lease_seconds".split(),
        )

    def test_stays_within_the_limit_of_dynamic_references(self):
        self.assertLess(str(FLEET["Resources"]).count("{{resolve:"), 60)


class ControlPlane(unittest.TestCase):
    def test_a_wildcard_stands_only_where_aws_takes_nothing_narrower(self):
        wild = [
            (template["Description"][:20], name, statement["Action"])
            for template in (CONTROL_PLANE, FLEET, OBSERVABILITY)
            for name, statement in statements(template)
            if "*" in (statement.get("Resource"), statement.get("Action"))
        ]
        lists = ["ecs:ListTasks", "ecs:ListServices"]
        token = (FLEET["Description"][:20], "ExecutionRole", "ecr:GetAuthorizationToken")
        ours = CONTROL_PLANE["Description"][:20]
        traces = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
        looks = ["ecs:DescribeTaskDefinition", "cloudwatch:DescribeAlarms", "servicequotas:GetServiceQuota", "events:ListRules"]
        operator = [(ours, "OperatorPolicy", lists), (ours, "OperatorPolicy", looks)]
        self.assertEqual(wild, [(ours, "TracingPolicy", traces), (ours, "SweepRole", lists), *operator, token])
        for statement in [statement for _, statement in statements(CONTROL_PLANE) if statement["Action"] == lists]:
            self.assertEqual(statement["Condition"], {"ArnEquals": {"ecs:cluster": {"Fn::GetAtt": "Cluster.Arn"}}})

    def test_who_may_do_what_no_other_may(self):
        """One writer of counts and launches, one that stops what was condemned, and nobody else near either."""
        for action, roles in {
            "ecs:UpdateService": {"ScaleRole"},
            "ecs:RunTask": {"ScaleRole"},
            "iam:PassRole": {"ScaleRole"},
            "ecs:StopTask": {"SweepRole"},
            "ecs:DeleteService": {"SweepRole"},
            # A record that ends moves. Whoever makes one makes sure that it has not ended.
            "dynamodb:DeleteItem": {"ScaleRole"},
            "dynamodb:ConditionCheckItem": {"RegisterRole", "ScaleRole", "SweepRole"},
        }.items():
            allowed = {name for name, statement in statements(CONTROL_PLANE) if action in _listed(statement["Action"])}
            self.assertEqual(allowed, roles, action)

    def test_the_ledger_has_no_index(self):
        """A local one would cost each write twice, and bind a fleet's records to one partition."""
        (table,) = of_type(CONTROL_PLANE, "AWS::DynamoDB::Table").values()
        self.assertEqual([key["AttributeName"] for key in table["KeySchema"]], ["pk", "sk"])
        self.assertFalse({"LocalSecondaryIndexes", "GlobalSecondaryIndexes"} & set(table))
        self.assertNotIn("/index/", str([statement.get("Resource") for _, statement in statements(CONTROL_PLANE)]))

    def test_only_who_speaks_to_github_reads_its_credentials(self):
        reads = {name for name, statement in statements(CONTROL_PLANE) if "/credentials/" in str(statement.get("Resource"))}
        name = "GithubPolicy"
        self.assertEqual(reads, {name, "SetupPolicy"})
        roles = of_type(CONTROL_PLANE, "AWS::IAM::Role")
        trusted = {role for role, properties in roles.items() if {"Ref": name} in properties.get("ManagedPolicyArns", [])}
        self.assertEqual(trusted, {"RegisterRole", "DeregisterRole", "SweepRole"})
        # Attached to people's roles only, and it writes nothing but secrets.
        self.assertNotIn("'SetupPolicy'", str(roles))
        for statement in [statement for owner, statement in statements(CONTROL_PLANE) if owner == "SetupPolicy"]:
            for resource in _listed(statement["Resource"]):
                self.assertRegex(str(resource), r"parameter/\$\{AWS::StackName\}/(credentials|webhook-secrets)/\*")
                # A credential that works is never deleted: only what was to come next, once it is in its place or given up.
                if "ssm:DeleteParameter" in _listed(statement["Action"]):
                    self.assertRegex(str(resource), r"/\*/next'")

    def test_traces_are_written_only_when_somebody_asks_for_them(self):
        self.assertEqual(CONTROL_PLANE["Parameters"]["Tracing"]["Default"], "PassThrough")
        self.assertEqual(CONTROL_PLANE["Resources"]["TracingPolicy"]["Condition"], "Traced")
        for name, role in of_type(CONTROL_PLANE, "AWS::IAM::Role").items():
            self.assertIn({"Fn::If": ["Traced", {"Ref": "TracingPolicy"}, {"Ref": "AWS::NoValue"}]}, role["ManagedPolicyArns"], name)

    def test_a_role_names_only_what_its_function_calls(self):
        """Each action of a role stands for a call of the SDK that some adapter makes."""
        adapters = {path: path.read_text(encoding="utf-8") for path in (ROOT / "crates/aws/src").rglob("*.rs")}
        for role, statement in statements(CONTROL_PLANE):
            if role not in of_type(CONTROL_PLANE, "AWS::IAM::Role"):
                continue
            for action in _listed(statement["Action"]):
                service, name = action.split(":")
                if service in ("sts", "logs", "kms", "xray", "iam") or action in EVENT_SOURCES or action in IMPLIED:
                    continue
                call = "." + re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() + "()"
                with self.subTest(role, action=action):
                    self.assertTrue(any(call in source for source in adapters.values()), call)

    def test_every_function_has_a_role_and_a_log_of_its_own(self):
        functions = of_type(CONTROL_PLANE, "AWS::Serverless::Function")
        self.assertEqual(set(functions), {"Webhook", "Register", "Deregister", "Scale", "Sweep"})
        for name, function in functions.items():
            self.assertEqual(function["Role"], {"Fn::GetAtt": f"{name}Role.Arn"})
            self.assertEqual(function["LoggingConfig"]["LogGroup"], {"Ref": f"{name}Log"})
            self.assertEqual(function["CodeUri"], f"crates/{name.lower()}/")

    def test_messages_stay_hidden_six_times_as_long_as_their_function_may_run(self):
        functions = of_type(CONTROL_PLANE, "AWS::Serverless::Function")
        queues = of_type(CONTROL_PLANE, "AWS::SQS::Queue")
        mappings = of_type(CONTROL_PLANE, "AWS::Lambda::EventSourceMapping")
        self.assertEqual(len(mappings), 3)
        for mapping in mappings.values():
            (queue,) = references(mapping["EventSourceArn"])
            (function,) = references(mapping["FunctionName"])
            self.assertGreaterEqual(queues[queue]["VisibilityTimeout"], 6 * functions[function]["Timeout"])
            self.assertEqual(mapping["FunctionResponseTypes"], ["ReportBatchItemFailures"])

    def test_only_the_webhook_can_be_called_by_anybody(self):
        routes = of_type(CONTROL_PLANE, "AWS::ApiGatewayV2::Route")
        open_routes = [route["RouteKey"] for route in routes.values() if route.get("AuthorizationType") != "AWS_IAM"]
        self.assertEqual(open_routes, ["POST /webhook"])
        stage = CONTROL_PLANE["Resources"]["ApiStage"]
        self.assertEqual(set(stage["DependsOn"]), set(routes))
        self.assertIn("POST /webhook", stage["Properties"]["RouteSettings"])

    def test_nothing_comes_in_from_the_network(self):
        (group,) = of_type(CONTROL_PLANE, "AWS::EC2::SecurityGroup").values()
        self.assertNotIn("SecurityGroupIngress", group)

    def test_a_change_of_the_service_makes_a_new_revision(self):
        # CloudFormation resets the desired count of a service that it updates in place. Whoever changes the service raises the label, and this with it.
        service = FLEET["Resources"]["Service"]["Properties"]
        (container,) = FLEET["Resources"]["TaskDefinition"]["Properties"]["ContainerDefinitions"]
        pinned = hashlib.sha256(json.dumps(service, sort_keys=True).encode()).hexdigest()[:16]
        self.assertEqual((container["DockerLabels"]["fargate-runners.service"], pinned), ("1", "c13143c0f2cfa31f"))

    def test_sweep_comes_in_time_and_is_not_repeated(self):
        sweep = of_type(CONTROL_PLANE, "AWS::Serverless::Function")["Sweep"]
        (schedule,) = sweep["Events"].values()
        self.assertEqual(schedule["Type"], "ScheduleV2")
        (minutes,) = re.findall(r"rate\((\d+) minutes\)", schedule["Properties"]["ScheduleExpression"])
        self.assertLessEqual(sweep["Timeout"], 60 * int(minutes), "two sweeps at a time do the same work twice")
        self.assertEqual(schedule["Properties"]["RetryPolicy"]["MaximumRetryAttempts"], 0)
        self.assertEqual(sweep["EventInvokeConfig"]["MaximumRetryAttempts"], 0)
        (seconds,) = re.findall(r"pub const TIME: Duration = Duration::from_secs\((\d+)\)", _source("crates/use-cases/src/sweep.rs"))
        self.assertLess(int(seconds), sweep["Timeout"])

    def test_a_dead_letter_that_stays_is_seen_by_its_alarm(self):
        """`sweep` takes it out of sight for a while, each time that it looks."""
        (seconds,) = re.findall(r"pub const DEAD_LETTER_HIDDEN: Duration = Duration::from_secs\((\d+)\)", _source("crates/aws/src/limits.rs"))
        self.assertLessEqual(int(seconds) + 60, 300, "SQS counts once a minute, the alarm over 5 minutes")

    def test_fits_into_cloudformations_limits(self):
        for name in ("template.yaml", "fleet.yaml", "observability.yaml"):
            self.assertLess(len(_source(name).encode()), 51200, name)
        for template in (CONTROL_PLANE, FLEET, OBSERVABILITY):
            self.assertLess(len(template["Parameters"]), 200)
            for name, parameter in template["Parameters"].items():
                self.assertLess(len(parameter["Description"]), 4000, name)


def _listed(actions):
    return actions if isinstance(actions, list) else [actions]


def _source(path):
    return (pathlib.Path(__file__).parents[2] / path).read_text(encoding="utf-8")


if __name__ == "__main__":
    unittest.main()
