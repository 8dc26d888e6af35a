import { Anchor, Button, Group, Progress, Text, Title } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { IconDownload, IconFileReport } from "@tabler/icons-react";
import { useState } from "react";
import { client, need, type Schemas } from "@/client/client";
import { Fault } from "@/components/Fault/Fault";
import { formatBytes } from "@/components/format";
import classes from "./Export.module.css";

type Format = "html" | "pdf";

/** One click makes a report of the session. */
export function ReportCard({ project }: { project: string }) {
  return (
    <section className={classes.card} aria-labelledby="report-title">
      <Title order={2} id="report-title">Report of the session</Title>
      <Text size="sm">
        One file with the figures over time and their limits, distributions, best and worst images, failures, filters and decisions, methods with citations, settings and
        versions. The HTML also holds the template with which all can be done again.
      </Text>
      <One project={project} format="html" label="Make the HTML report" />
      <One project={project} format="pdf" label="Make the PDF report" />
    </section>
  );
}

function One({ project, format, label }: { project: string; format: Format; label: string }) {
  const [number, setNumber] = useState<string | null>(null);
  const path = { project };
  const make = useMutation({
    mutationFn: () => need(client.POST("/api/projects/{project}/report", { params: { path }, body: { format } })),
    onSuccess: (made) => setNumber(made.id),
  });
  const { data, error } = useQuery({
    queryKey: ["report", project, number],
    enabled: number !== null,
    queryFn: () => need(client.GET("/api/projects/{project}/report/{number}", { params: { path: { project, number: number! } } })),
    refetchInterval: (query) => (query.state.data?.state === "done" || query.state.data?.state === "failed" ? false : 400),
  });
  const running = make.isPending || data?.state === "running" || (number !== null && !data && !error);
  return (
    <div>
      <Group gap="sm" mih={30}>
        <Button size="compact-md" variant={format === "html" ? "filled" : "default"} leftSection={<IconFileReport size={16} />} onClick={() => make.mutate()} loading={running}>
          {label}
        </Button>
        {data && <Outcome project={project} report={data} />}
      </Group>
      {running && data && <Progress value={100 * data.fraction} size="sm" mt={6} aria-label={`Report: ${data.what}`} />}
      {(make.error || error) && <Fault error={make.error ?? error} />}
      {data?.state === "failed" && <Fault error={{ code: "report", message: data.message ?? "the report could not be made", hint: data.hint ?? "", context: {} }} />}
    </div>
  );
}

function Outcome({ project, report }: { project: string; report: Schemas["ReportState"] }) {
  if (report.state === "running") return <Text size="sm" c="dimmed">{report.what}</Text>;
  if (report.state === "failed") return null;
  const address = `/api/projects/${project}/report/${report.id}/file`;
  return (
    <Group gap="sm">
      <Anchor size="sm" href={address} download><IconDownload size={14} style={{ verticalAlign: "-2px" }} aria-hidden /> Save {report.format.toUpperCase()} ({formatBytes(report.bytes)})</Anchor>
      <Anchor size="sm" href={`${address}?show=true`} target="_blank" rel="noreferrer">Look at it</Anchor>
    </Group>
  );
}
