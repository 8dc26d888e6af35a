import { Button, MultiSelect, Switch, Text, Title } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { client, need } from "@/client/client";
import { Fault } from "@/components/Fault/Fault";
import classes from "./Export.module.css";
import { save } from "./save";

/** All jobs or some as a template, which another project takes. */
export function TemplateCard({ project }: { project: string }) {
  const { data } = useQuery({
    queryKey: ["p", project, "results"],
    queryFn: () => need(client.GET("/api/projects/{project}/results", { params: { path: { project } } })),
  });
  const [jobs, setJobs] = useState<string[]>([]);
  const [settings, setSettings] = useState(false);
  const [decisions, setDecisions] = useState(true);
  const fetching = useMutation({
    mutationFn: () => {
      const some = jobs.length > 0 ? `&jobs=${jobs.join(",")}` : "";
      return save(`/api/projects/${project}/templates/export?with_settings=${settings}&with_decisions=${decisions}${some}`, `${project}-template.json`);
    },
  });
  const known = (data ?? []).map((result) => ({ value: String(result.job), label: `J${result.job} ${result.title}` }));
  return (
    <section className={classes.card} aria-labelledby="template-title">
      <Title order={2} id="template-title">Template of the jobs</Title>
      <Text size="sm">Parameters, order, notes and scripts as JSON; another project takes it in its workflow, or by <code>vitreous run-template</code>.</Text>
      <MultiSelect label="Jobs" size="sm" placeholder={jobs.length === 0 ? "All jobs" : undefined} searchable clearable limit={60} data={known} value={jobs} onChange={setJobs} />
      <Switch label="With the project's settings (pixel size, voltage …)" checked={settings} onChange={(event) => setSettings(event.currentTarget.checked)} />
      <Switch label="With decisions about images (flags, groups, TRASH …)" checked={decisions} onChange={(event) => setDecisions(event.currentTarget.checked)} />
      <Button size="compact-md" variant="default" style={{ alignSelf: "flex-start" }} disabled={data?.length === 0} loading={fetching.isPending} onClick={() => fetching.mutate()}>Save the template</Button>
      {fetching.error && <Fault error={fetching.error} />}
    </section>
  );
}
