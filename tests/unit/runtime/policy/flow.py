"""A smallest workflow that is right, for tests to break in one place."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from pathlib import Path

from runtime.policy.checks import check
from runtime.policy.findings import Finding
from runtime.policy.places import find

FILES = {
    "policy/events.xml": '<events>\n<event name="flow"><workflow id="w"/></event>\n</events>',
    "policy/flow.workflow.xml": '<w:workflow id="w">\n<tasks><task id="t"/></tasks>\n</w:workflow>',
    "policy/tasks.xml": """\
        <tasks>
        <task id="t" name="Task" class="org.apache.oodt.cas.pge.StdPGETaskInstance">
          <conditions><condition id="c"/></conditions>
          <configuration>
            <property name="PGETask_Name" value="Task"/>
            <property name="PGETask_ConfigFilePath" envReplace="true"
                      value="[OODT_CONFIG]/flow/pge-configs/task.xml"/>
            <property name="PCS_WorkflowManagerUrl" value="[WORKFLOW_URL]" envReplace="true"/>
            <property name="PCS_FileManagerUrl" value="[FILEMGR_URL]" envReplace="true"/>
            <property name="PCS_MetFileExtension" value="met"/>
            <property name="PCS_ClientTransferServiceFactory"
                      value="org.apache.oodt.cas.filemgr.datatransfer.LocalDataTransferFactory"/>
          </configuration>
          <requiredMetFields><metfield name="Input"/></requiredMetFields>
        </task>
        </tasks>""",
    "policy/conditions.xml": """\
        <conditions>
        <condition id="c" name="C" class="org.apache.oodt.cas.workflow.examples.TrueCondition"/>
        </conditions>""",
    "policy/product-types.xml": """\
        <types>
        <type id="p" name="Product">
          <repository path="file://[OODT_ARCHIVE]/flow"/>
          <versioner class="org.apache.oodt.cas.filemgr.versioning.SingleFileBasicVersioner"/>
          <description>What it makes.</description>
        </type>
        </types>""",
    "policy/elements.xml": '<elements>\n<element id="e" name="Input"><description/></element>\n</elements>',
    "policy/product-type-element-map.xml": '<map>\n<type id="p"><element id="e"/></type>\n</map>',
    "pge-configs/task.xml": """\
        <pgeConfig>
        <import file="shared.xml"/>
        <exe dir="[JobDir]" shellType="/bin/bash">
          <cmd>[OODT_HOME]/pges/flow/run.py [Input]</cmd>
        </exe>
        <output>
          <dir path="[JobDir]">
            <files regExp=".*\\.nc"
                   metFileWriterClass="org.apache.oodt.cas.pge.writers.metlist.MetadataListPcsMetFileWriter"
                   args="[OODT_CONFIG]/flow/pge-configs/list.xml"/>
          </dir>
        </output>
        </pgeConfig>""",
    "pge-configs/shared.xml": """\
        <pgeConfig>
        <customMetadata>
          <metadata key="JobDir" val="[OODT_HOME]/pges/flow/jobs/[WorkflowInstId]"/>
        </customMetadata>
        </pgeConfig>""",
    "pge-configs/list.xml": """\
        <list>
        <metadata key="ProductType" val="Product"/>
        <metadata key="Input" val="[Input]"/>
        </list>""",
    "pges/run.py": "#!/usr/bin/env python3\n",
}


class Flow:
    """The folder of that workflow."""

    def __init__(self, parent: Path, name: str = "flow") -> None:
        self.folder = parent / name
        for file, text in FILES.items():
            self.write(file, textwrap.dedent(text).replace("/flow/", f"/{name}/"))
        self.path("pges/run.py").chmod(0o755)

    def path(self, name: str) -> Path:
        return self.folder / name

    def write(self, name: str, text: str) -> None:
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(text)

    def change(self, name: str, old: str, new: str) -> None:
        """Put NEW in place of OLD, which is there."""
        text = self.path(name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def check(self, event: str = "", metadata: Mapping[str, str] | None = None) -> list[Finding]:
        return check(find(self.folder), events=[event] if event else [], metadata=metadata)

    def told(self, event: str = "", metadata: Mapping[str, str] | None = None) -> list[str]:
        """The findings in short: severity, file, what is wrong."""
        shown = (
            re.sub(rf"{re.escape(str(self.folder))}/", "", str(each)) for each in self.check(event, metadata)
        )
        return [re.sub(r"; fix: .*", "", each, flags=re.DOTALL) for each in shown]
