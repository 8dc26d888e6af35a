import { Button, Center, Drawer, Group, Loader, VisuallyHidden } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconPlus, IconSitemap } from "@tabler/icons-react";
import { lazy, Suspense, useCallback, useEffect, useMemo, useState } from "react";
import { Empty } from "@/components/Empty/Empty";
import { Fault } from "@/components/Fault/Fault";
import { counted } from "@/components/format";
import { AddJobDialog } from "@/components/Job/AddJobDialog";
import { JobPanel } from "@/components/Job/JobPanel";
import { useJobs, type JobLine } from "@/components/Job/queries";
import { tell } from "@/hooks/useAction";
import { hasRole, useMe } from "@/hooks/useMe";
import { useUrlState } from "@/hooks/useUrlState";
import { BulkBar } from "./BulkBar";
import { ExportDialog } from "./ExportDialog";
import { JobList } from "./JobList";
import { behind } from "./layout";
import { RemoveDialog } from "./RemoveDialog";
import { TemplateDialog } from "./TemplateDialog";
import { Tools } from "./Tools";
import { useFindKey } from "./useFindKey";
import { useJobActions } from "./useJobActions";
import classes from "./Workflow.module.css";

const JobGraph = lazy(() => import("./JobGraph"));
const NONE: JobLine[] = [];

interface Adding {
  behind: JobLine | null;
  output?: string;
}

/** Jobs from which on the list comes first: to lay out a graph of a thousand takes seconds. */
const MANY_JOBS = 300;

/** The graph of jobs with one job beside it; the same as a list and as a tree. */
export function WorkflowPage({ project }: { project: string }) {
  const { data, error, refetch } = useJobs(project);
  const jobs = data?.jobs ?? NONE;
  const phone = useMediaQuery("(max-width: 900px)");
  const [viewText, setView] = useUrlState("view");
  const [jobText, setJob] = useUrlState("job", "", false);
  const [tab, setTab] = useUrlState("tab", "summary");
  const [text, setText] = useUrlState("find");
  const [add, setAdd] = useUrlState("add");
  const [selected, setSelected] = useState<number[]>([]);
  const [adding, setAdding] = useState<Adding | null>(null);
  const [template, setTemplate] = useState(false);
  const [exporting, setExporting] = useState<number[] | null>(null);
  const [removing, setRemoving] = useState<number[] | null>(null);
  const me = useMe().data;
  const mayChange = hasRole(me, "operator", project), mayRemove = hasRole(me, "owner", project);
  const actions = useJobActions(project, jobs);
  const view = viewText || (phone || jobs.length > MANY_JOBS ? "list" : "graph");
  const open = jobText && jobs.some((job) => job.id === Number(jobText)) ? Number(jobText) : null;
  const found = useMemo(() => find(jobs, text), [jobs, text]);
  const openJob = useCallback((job: number) => setJob(String(job)), [setJob]);
  const addBehind = useCallback((job: JobLine, output?: string) => setAdding({ behind: job, output }), []);
  useEffect(() => {
    if (!add || !mayChange) return;
    setAdd("");
    setAdding({ behind: null });
  }, [add, mayChange, setAdd]);
  useFindKey(() => mayChange && setAdding({ behind: null }));

  const copied = (copies: number[]) => tell(`${counted(copies.length, "job")} copied`, mayRemove ? () => void actions.removeAll(copies) : undefined);
  if (error && !data) return <Fault error={error} retry={() => void refetch()} />;
  if (!data) return <Waiting />;
  const panel = open !== null && (
    <JobPanel
      key={open}
      project={project}
      job={open}
      tab={tab}
      onTab={setTab}
      onClose={() => setJob("")}
      mayChange={mayChange}
      mayRemove={mayRemove}
      actions={{
        add: () => addBehind(jobs.find((job) => job.id === open)!),
        copy: () => actions.copy([open], (copies) => {
          copied(copies);
          if (copies[0]) openJob(copies[0]);
        }),
        copyBranch: () => actions.copyBranch([open], copied),
        pause: () => actions.pause([open]),
        resume: () => actions.resume([open]),
        cancel: () => actions.cancel([open]),
        retry: () => actions.retry([open]),
        exportBranch: () => setExporting([...behind(jobs, [open])]),
        remove: () => setRemoving([open]),
        open: openJob,
      }}
    />
  );
  return (
    <div className={classes.page}>
      <VisuallyHidden component="h1">Workflow</VisuallyHidden>
      <Tools jobs={jobs} view={view} onView={setView} text={text} onText={setText} found={found} onPick={openJob} mayChange={mayChange} onAdd={() => setAdding({ behind: null })} onTemplate={() => setTemplate(true)} onExport={() => setExporting([])} />
      <div className={classes.split}>
        <div className={classes.ground}>
          {jobs.length === 0 ? (
            <NoJobs mayChange={mayChange} onAdd={() => setAdding({ behind: null })} onTemplate={() => setTemplate(true)} />
          ) : view === "graph" ? (
            <Suspense fallback={<Waiting />}>
              <JobGraph project={project} jobs={jobs} open={open} found={text ? found : []} mayChange={mayChange} onOpen={openJob} onAdd={addBehind} onConnect={actions.connect} onDisconnect={actions.disconnect} selected={selected} onSelect={setSelected} />
            </Suspense>
          ) : (
            <JobList jobs={jobs} open={open} found={text ? found : []} onOpen={openJob} tree={view === "tree"} />
          )}
          {selected.length > 1 && view === "graph" && (
            <BulkBar count={selected.length} mayChange={mayChange} mayRemove={mayRemove} onCopy={() => actions.copy(selected, copied)} onCopyBranch={() => actions.copyBranch(selected, copied)} onPause={() => actions.pause(selected)} onResume={() => actions.resume(selected)} onCancel={() => actions.cancel(selected)} onRetry={() => actions.retry(selected)} onExport={() => setExporting(selected)} onRemove={() => setRemoving(selected)} onClear={() => setSelected([])} />
          )}
        </div>
        {panel && !phone && <aside className={classes.side}>{panel}</aside>}
      </div>
      <Drawer opened={Boolean(panel) && Boolean(phone)} onClose={() => setJob("")} position="bottom" size="88%" withCloseButton={false} padding={0} aria-label="Job">
        {phone ? panel : null}
      </Drawer>
      <AddJobDialog project={project} opened={adding !== null} behind={adding?.behind} output={adding?.output} onClose={() => setAdding(null)} onAdded={(added) => added.length && openJob(added[added.length - 1]!)} />
      <TemplateDialog project={project} opened={template} onClose={() => setTemplate(false)} onAdded={(added) => added[0] && openJob(added[0])} />
      <ExportDialog project={project} jobs={exporting} onClose={() => setExporting(null)} />
      <RemoveDialog jobs={jobs} chosen={removing} onClose={() => setRemoving(null)} onRemove={(all) => {
        void actions.removeAll(all);
        if (open !== null && all.includes(open)) setJob("");
        setSelected([]);
        setRemoving(null);
      }} />
    </div>
  );
}

function Waiting() {
  return <Center h="60%"><Loader aria-label="loading" /></Center>;
}

function NoJobs({ mayChange, onAdd, onTemplate }: { mayChange: boolean; onAdd: () => void; onTemplate: () => void }) {
  const action = mayChange && (
    <Group>
      <Button leftSection={<IconSitemap size={16} />} onClick={onTemplate}>Take a template</Button>
      <Button variant="default" leftSection={<IconPlus size={16} />} onClick={onAdd}>Add a job</Button>
    </Group>
  );
  return <Empty title="No jobs yet" action={action}>A job is one step of the processing, such as correcting motion. Templates bring a whole row of them; an import brings the images in.</Empty>;
}

/** Jobs whose number, title, type, state or note has all words. */
function find(jobs: readonly JobLine[], text: string): number[] {
  const exact = /^J(\d+)( |$)/i.exec(text);
  if (exact) return jobs.filter((job) => job.id === Number(exact[1])).map((job) => job.id);
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return jobs.map((job) => job.id);
  return jobs.filter((job) => words.every((word) => `j${job.id} ${job.title} ${job.type} ${job.state} ${job.note}`.toLowerCase().includes(word))).map((job) => job.id);
}
