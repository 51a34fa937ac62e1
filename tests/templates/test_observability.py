"""What people see of it all is true: a metric, a line of the log, an alarm, its page and its row in the README all speak of the same thing.

    python -m unittest discover -s tests/templates
"""

import json
import pathlib
import re
import unittest

from templates import CONTROL_PLANE, OBSERVABILITY, of_type

ROOT = pathlib.Path(__file__).resolve().parents[2]
RUNBOOKS = ROOT / "docs/runbooks"
RUNBOOKS_URL = "https://github.com/fargate-runners/fargate-runners/blob/main/docs/runbooks/"
NAMESPACE = "FargateRunners"
# What a page must answer, in this order.
SECTIONS = ["What it means", "How to look", "What to do", "How to know that it is over"]
# Metrics of AWS's own that are watched, with the dimension that names one of ours.
AWS_METRICS = {
    ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName"),
    ("AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName"),
    ("AWS/Lambda", "Errors", "FunctionName"),
    ("AWS/Lambda", "Throttles", "FunctionName"),
    ("AWS/Lambda", "Duration", "FunctionName"),
    ("AWS/Lambda", "Invocations", "FunctionName"),
    ("AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName"),
    ("AWS/DynamoDB", "ConsumedReadCapacityUnits", "TableName"),
}
SOURCES = {path: path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("crates/*/src/**/*.rs"))}


def emitted():
    """What the code counts and measures: each metric with its dimension beside the stack's, or None. What begins with a small letter is a field of the log."""
    found = {}
    for source in SOURCES.values():
        for name, dimension in re.findall(r'metrics::(?:counter|gauge|histogram)!\(\s*"([A-Z]\w+)"(?:,\s*"(\w+)" =>)?', source):
            found.setdefault(name, set()).add(dimension or None)
    return found


def alarms():
    return of_type(OBSERVABILITY, "AWS::CloudWatch::Alarm")


def watched(alarm):
    """The metrics that an alarm watches."""
    return [metric["MetricStat"]["Metric"] for metric in alarm["Metrics"][1:]] if "Metrics" in alarm else [alarm]


def filled_in(value):
    """A string as CloudFormation makes it, for the control plane `fargate-runners`."""
    if isinstance(value, dict) and value == {"Ref": "ControlPlane"}:
        return "fargate-runners"
    text = value["Fn::Sub"] if isinstance(value, dict) else value
    values = {"ControlPlane": "fargate-runners", "Table": "the-table", "OldestQueuedSeconds": "900"}
    text = re.sub(r"\$\{(\w+)\}", lambda name: values[name.group(1)], re.sub(r"\$\{AWS::(\w+)\}", r"aws-\1", text))
    return text.replace("${!", "${")


def dashboard():
    return json.loads(filled_in(OBSERVABILITY["Resources"]["Dashboard"]["Properties"]["DashboardBody"]))


def of_the_dashboard():
    """Each metric of the dashboard: its namespace, its name, and its dimensions."""
    found = []
    for widget in dashboard()["widgets"]:
        for metric in widget["properties"].get("metrics", []):
            strings = [part for part in metric if isinstance(part, str)]
            if strings:
                namespace, name, *dimensions = strings
                found.append((namespace, name, dict(zip(dimensions[::2], dimensions[1::2]))))
                continue
            for schema, stack, name in re.findall(r"SEARCH\('\{([^}]+)\} StackName=\"([^\"]+)\" MetricName=\"(\w+)\"'", metric[0]["expression"]):
                namespace, *dimensions = schema.split(",")
                found.append((namespace, name, {dimension: stack if dimension == "StackName" else "*" for dimension in dimensions}))
    return found


def names_of_ours():
    """The names that the control plane's queues, functions and its table have."""
    queues = [filled_in({"Fn::Sub": queue["QueueName"]["Fn::Sub"].replace("AWS::StackName", "ControlPlane")}) for queue in _queues().values()]
    functions = [f"fargate-runners-{name.lower()}" for name in of_type(CONTROL_PLANE, "AWS::Serverless::Function")]
    return {"QueueName": set(queues), "FunctionName": set(functions), "TableName": {"the-table"}}


def _queues():
    return of_type(CONTROL_PLANE, "AWS::SQS::Queue")


class Metrics(unittest.TestCase):
    def test_the_readme_lists_exactly_what_is_counted(self):
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        table = readme[readme.index("| metric | from |") :].split("\n\n")[0]
        listed = [name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])]
        self.assertEqual(len(listed), len(set(listed)))
        self.assertEqual(set(listed), set(emitted()))

    def test_the_readme_names_each_dimension_that_a_metric_has(self):
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        rows = readme[readme.index("| metric | from |") :].split("\n\n")[0].splitlines()
        for name, dimensions in emitted().items():
            self.assertEqual(len(dimensions), 1, f"{name} is one metric with a dimension and another without it")
            (dimension,) = dimensions
            (row,) = [row for row in rows if f"`{name}`" in row.split("|")[1]]
            with self.subTest(name):
                self.assertEqual(re.findall(r"by `(\w+)`", row), [dimension] if dimension else [])

    def test_what_an_alarm_or_the_dashboard_names_is_counted(self):
        counted = emitted()
        ours = names_of_ours()
        shown = of_the_dashboard()
        for alarm in alarms().values():
            for metric in watched(alarm):
                shown.append((metric["Namespace"], metric["MetricName"], {of["Name"]: filled_in(of["Value"]) for of in metric["Dimensions"]}))
        self.assertGreater(len(shown), 50)
        for namespace, name, dimensions in shown:
            with self.subTest(name, dimensions=dimensions):
                if namespace == NAMESPACE:
                    self.assertEqual(dimensions.pop("StackName"), "fargate-runners")
                    self.assertEqual(set(dimensions), counted[name] - {None})
                else:
                    ((dimension, value),) = dimensions.items()
                    self.assertIn((namespace, name, dimension), AWS_METRICS)
                    self.assertIn(value, ours[dimension])

    def test_the_steps_that_the_dashboard_shows_are_those_that_are_measured(self):
        news = (ROOT / "crates/core/src/news.rs").read_text(encoding="utf-8")
        steps = news[news.index("impl Step {") : news.index("/// A job that a runner has taken")]
        measured = re.findall(r'Self::\w+ => "(\w+)"', steps)
        self.assertEqual(len(measured), 5)
        for statistic in ("p50", "p95"):
            shown = [
                metric[-1]["label"]
                for widget in dashboard()["widgets"]
                for metric in widget["properties"].get("metrics", [])
                if metric[1:] and metric[1] in {f"Job{step.capitalize()}Seconds" for step in measured} and metric[-1]["stat"] == statistic
            ]
            self.assertEqual(shown, measured)
            self.assertLessEqual({f"Job{step.capitalize()}Seconds" for step in measured}, set(emitted()))

    def test_the_dashboard_counts_with_the_readmes_prices(self):
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        (expression,) = re.findall(r'"expression": "\(SUM\(v\) \* ([0-9.]+) \+ SUM\(g\) \* ([0-9.]+)\) / 3600"', json.dumps(dashboard()))
        for price in expression:
            self.assertIn(f"${price} /", readme)


class Costs(unittest.TestCase):
    def test_the_readme_counts_what_is_paid_for(self):
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        by_fleet = [name for name, dimensions in emitted().items() if "Fleet" in dimensions]
        self.assertIn(f"{len(by_fleet)} by `Fleet` | {len(by_fleet)} | ${len(by_fleet) * 0.30:.2f} |", readme)
        (steps, others, named, metrics, dollars) = re.findall(
            r"the (\d+) parts of a wait, (\d+) more \(([^)]+)\) \| (\d+) \| \$([0-9.]+) \|", readme
        )[0]
        named = re.findall(r"`(\w+)`", named)
        self.assertLessEqual(set(named), {name for name, dimensions in emitted().items() if dimensions == {None}})
        self.assertEqual((int(others), int(metrics)), (len(named), int(steps) + int(others)))
        self.assertEqual(dollars, f"{int(metrics) * 0.30:.2f}")
        paid = sum(len(watched(alarm)) for alarm in alarms().values())
        self.assertIn(f"| the {len(alarms())} alarms, which watch {paid} metrics | | ${paid * 0.10:.2f} |", readme)


class Dashboard(unittest.TestCase):
    def test_it_answers_from_top_to_bottom(self):
        headings = [widget["properties"]["markdown"] for widget in dashboard()["widgets"] if widget["type"] == "text"]
        questions = ["Are jobs waiting?", "Are runners starting?", "Is anything failing?", "What does it cost?"]
        self.assertEqual([heading.removeprefix("## ") for heading in headings[1:]], questions)

    def test_no_widget_lies_on_another(self):
        taken = {}
        for widget in dashboard()["widgets"]:
            name = widget["properties"].get("title") or widget["properties"]["markdown"]
            self.assertLessEqual(widget["x"] + widget["width"], 24, name)
            for x in range(widget["x"], widget["x"] + widget["width"]):
                for y in range(widget["y"], widget["y"] + widget["height"]):
                    self.assertNotIn((x, y), taken, f"{name} lies on {taken.get((x, y))}")
                    taken[x, y] = name

    def test_it_shows_every_alarm(self):
        (shown,) = [widget["properties"]["alarms"] for widget in dashboard()["widgets"] if widget["type"] == "alarm"]
        self.assertEqual({arn.split(":alarm:")[1] for arn in shown}, {filled_in(alarm["AlarmName"]) for alarm in alarms().values()})


class Alarms(unittest.TestCase):
    def test_every_alarm_leads_to_its_page_and_every_page_has_its_alarm(self):
        pages = set()
        for name, alarm in alarms().items():
            plain = name.removesuffix("Alarm")
            page = re.sub(r"(?<!^)(?=[A-Z])", "-", plain).lower() + ".md"
            with self.subTest(name):
                self.assertEqual(alarm["AlarmName"], {"Fn::Sub": f"${{ControlPlane}}-{plain}"})
                self.assertTrue(alarm["AlarmDescription"].endswith(f" What to do: {RUNBOOKS_URL}{page}"), alarm["AlarmDescription"])
                self.assertLessEqual(len(alarm["AlarmDescription"]), 1024)
                text = (RUNBOOKS / page).read_text(encoding="utf-8")
                self.assertTrue(text.startswith(f"# {plain}\n"), page)
                self.assertEqual(re.findall(r"^## (.+)$", text, re.MULTILINE), SECTIONS)
            pages.add(page)
        self.assertEqual({path.name for path in RUNBOOKS.glob("*.md")} - {"README.md"}, pages)
        listed = re.findall(r"\]\(([a-z-]+\.md)\)", (RUNBOOKS / "README.md").read_text(encoding="utf-8"))
        self.assertEqual(sorted(listed), sorted(pages))

    def test_the_readme_lists_every_alarm(self):
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        table = readme[readme.index("| alarm | when |") :].split("\n\n")[0]
        listed = re.findall(r"^ *\| \[`(\w+)`\]\(docs/runbooks/[a-z-]+\.md\)", table, re.MULTILINE)
        self.assertEqual(sorted(listed), sorted(name.removesuffix("Alarm") for name in alarms()))

    def test_every_alarm_tells_the_topic_of_its_beginning_and_its_end(self):
        topic = {"Fn::If": ["Alarmed", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}
        for name, alarm in alarms().items():
            self.assertEqual((alarm["AlarmActions"], alarm["OKActions"]), (topic, topic), name)
            # A metric that is there only while something is counted is missing when all is well; calls that are due are missing when it is not.
            self.assertEqual(alarm["TreatMissingData"], "breaching" if name == "SweepMissingAlarm" else "notBreaching", name)

    def test_a_control_plane_that_stands_still_is_not_silent(self):
        """Whatever our own functions count is missing where they do not run."""
        alone = [alarm for alarm in alarms().values() if all(metric["Namespace"].startswith("AWS/") for metric in watched(alarm))]
        seen = {(metric["MetricName"], filled_in(of["Value"])): alarm for alarm in alone for metric in watched(alarm) for of in metric["Dimensions"]}
        waiting = seen["ApproximateAgeOfOldestMessage", "fargate-runners-fleets.fifo"]
        self.assertEqual((waiting["Statistic"], waiting["ComparisonOperator"], waiting["Threshold"]), ("Maximum", "GreaterThanThreshold", 600))
        swept = seen["Invocations", "fargate-runners-sweep"]
        self.assertEqual((swept["Statistic"], swept["ComparisonOperator"], swept["Threshold"]), ("Sum", "LessThanThreshold", 1))
        (minutes,) = re.findall(r"ScheduleExpression: rate\((\d+) minutes\)", (ROOT / "template.yaml").read_text(encoding="utf-8"))
        self.assertEqual(swept["Period"] * swept["EvaluationPeriods"], 3 * 60 * int(minutes))

    def test_every_dead_letter_queue_has_an_alarm(self):
        queues = {of["Value"]["Fn::Sub"] for alarm in alarms().values() for metric in watched(alarm) for of in metric["Dimensions"] if metric["MetricName"] == "ApproximateNumberOfMessagesVisible"}
        dead = {queue["QueueName"]["Fn::Sub"].replace("AWS::StackName", "ControlPlane") for name, queue in _queues().items() if name.endswith("DeadLetters")}
        self.assertEqual(queues, dead)

    def test_every_function_has_an_alarm_on_its_crashes(self):
        seen = {filled_in(of["Value"]) for alarm in alarms().values() for metric in watched(alarm) for of in metric["Dimensions"] if metric["MetricName"] == "Errors"}
        self.assertEqual(seen, names_of_ours()["FunctionName"])

    def test_an_alarm_on_several_metrics_adds_up_all_of_them(self):
        self.assertEqual(sum("Metrics" in alarm for alarm in alarms().values()), 6)
        for name, alarm in alarms().items():
            if "Metrics" not in alarm:
                continue
            total, *metrics = alarm["Metrics"]
            with self.subTest(name):
                self.assertEqual(total, {"Id": "all", "Expression": "SUM(METRICS())"})
                self.assertEqual([metric["Id"] for metric in metrics], [f"m{number + 1}" for number in range(len(metrics))])
                self.assertEqual({metric["ReturnData"] for metric in metrics}, {False})
                self.assertLessEqual(len(metrics), 9, "ten with the sum")
                self.assertEqual({metric["MetricStat"]["Period"] for metric in metrics}, {300})

    def test_no_two_alarms_watch_the_same(self):
        all_watched = [str((metric["Namespace"], metric["MetricName"], metric["Dimensions"])) for alarm in alarms().values() for metric in watched(alarm)]
        self.assertEqual(len(all_watched), len(set(all_watched)), "they would tell of one thing twice")


class Queries(unittest.TestCase):
    def test_what_a_query_looks_for_is_what_is_logged(self):
        code = "\n".join(SOURCES.values())
        access_log = CONTROL_PLANE["Resources"]["ApiStage"]["Properties"]["AccessLogSettings"]["Format"]
        for name, query in of_type(OBSERVABILITY, "AWS::Logs::QueryDefinition").items():
            text = query["QueryString"]
            with self.subTest(name):
                for message in re.findall(r'message = "([^"]+)"', text):
                    self.assertRegex(code, rf'tracing::\w+!\([^;]*"{re.escape(message)}"')
                # Words that are no field: of the language, of Logs Insights and of Lambda, names that the query itself gives, and the values.
                bare = re.sub(r'^#.*$|"[^"]*"|@\w+|record\.[\w.]+', "", text, flags=re.MULTILINE)
                given = set(re.findall(r" as (\w+)", bare))
                words = set(re.findall(r"\b[a-z][a-z_]+\b", bare)) - given - LANGUAGE
                for metric in re.findall(r"\b[A-Z]\w+\b", bare):
                    self.assertIn(metric, set(emitted()) | {name for names in emitted().values() for name in names}, "no line has it")
                for field in words:
                    ours = re.search(rf'\b{field} = |^\s+{field},$|[(,] {field},|"{field}"', code, re.MULTILINE)
                    self.assertTrue(ours or f'"{field}"' in access_log or field in {"message", "level", "type"}, f"nobody logs {field}")

    def test_the_logs_that_a_query_reads_are_the_functions(self):
        groups = {log["LogGroupName"]["Fn::Sub"].replace("AWS::StackName", "ControlPlane") for log in of_type(CONTROL_PLANE, "AWS::Logs::LogGroup").values()}
        for name, query in of_type(OBSERVABILITY, "AWS::Logs::QueryDefinition").items():
            self.assertLessEqual({group["Fn::Sub"] for group in query["LogGroupNames"]}, groups, name)
            self.assertTrue(query["Name"]["Fn::Sub"].startswith("${ControlPlane}/"), name)

    def test_they_are_made_after_the_logs(self):
        logs = set(of_type(CONTROL_PLANE, "AWS::Logs::LogGroup"))
        self.assertEqual(set(CONTROL_PLANE["Resources"]["Observability"]["DependsOn"]), logs)


LANGUAGE = {"fields", "filter", "sort", "asc", "desc", "stats", "count", "pct", "max", "sum", "latest", "by", "bin", "limit", "ispresent", "like", "or", "and", "as"}


if __name__ == "__main__":
    unittest.main()
