import { Button, Skeleton, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconFolderOpen, IconPlus, IconSnowflake } from "@tabler/icons-react";
import { useNavigate } from "react-router";
import { asFault } from "@/client/client";
import { useLive } from "@/client/live";
import { Empty } from "@/components/Empty/Empty";
import { Fault, showFault } from "@/components/Fault/Fault";
import { counted } from "@/components/format";
import { StateBadge } from "@/components/State/StateBadge";
import { hasRole, useMe } from "@/hooks/useMe";
import { useProjects } from "@/hooks/useProject";
import { useUrlState } from "@/hooks/useUrlState";
import { FolderChooser } from "./FolderChooser";
import { NewProjectDialog } from "./NewProjectDialog";
import classes from "./Project.module.css";
import { ProjectCard } from "./ProjectCard";
import { useProjectChanges } from "./queries";
import { RecentProjects } from "./RecentProjects";

/** All projects of the server, live; new ones are made and others opened here. */
export function ProjectsPage() {
  const { data, error, refetch } = useProjects();
  const { lost } = useLive();
  const may = hasRole(useMe().data, "operator");
  const [dialog, setDialog] = useUrlState("dialog", "", false);
  if (error && !data) return <Fault error={error} retry={() => void refetch()} />;
  const buttons = may && <Buttons onNew={() => setDialog("new")} />;
  return (
    <div className={classes.page}>
      <div className={classes.head}>
        <Title order={1} style={{ flex: 1, whiteSpace: "nowrap" }}>
          {data && data.length > 0 ? counted(data.length, "project") : "Projects"}
        </Title>
        {lost && <StateBadge state="failed" word="connection lost, trying again" />}
        {data && data.length > 0 && buttons}
      </div>
      {!data && <Skeleton height={196} maw={420} />}
      {data && data.length > 0 && (
        <ul className={classes.cards} aria-label="Projects">
          {data.map((line) => (
            <ProjectCard key={line.key} line={line} />
          ))}
        </ul>
      )}
      {data && data.length === 0 && <NoProject may={may} buttons={buttons} />}
      {may && <RecentProjects />}
      {may && <NewProjectDialog opened={dialog === "new"} onClose={() => setDialog("")} />}
    </div>
  );
}

function NoProject({ may, buttons }: { may: boolean; buttons: React.ReactNode }) {
  return (
    <Empty icon={<IconSnowflake size={40} stroke={1.2} aria-hidden />} title="No project yet" action={buttons}>
      {may
        ? "A project is one folder with all that belongs to a session: images, results, settings, log. Make one for the next session, or open one that is there."
        : "Nothing is shared with you yet. Ask an operator of this server for access to a project."}
    </Empty>
  );
}

function Buttons({ onNew }: { onNew: () => void }) {
  const navigate = useNavigate();
  const [choosing, chooser] = useDisclosure(false);
  const { open } = useProjectChanges();
  const go = (folder: string) =>
    open.mutate(
      { folder, start: false },
      { onSuccess: (line) => void navigate(`/p/${line.key}/session`), onError: (error) => showFault(asFault(error)) },
    );
  return (
    <div style={{ display: "flex", gap: 8 }}>
      <Button variant="default" px="sm" leftSection={<IconFolderOpen size={16} />} loading={open.isPending} onClick={chooser.open}>
        Open
      </Button>
      <Button px="sm" leftSection={<IconPlus size={16} />} onClick={onNew}>
        New project
      </Button>
      <FolderChooser opened={choosing} title="Open a project" start={null} choose="Open this project" projects onChoose={go} onClose={chooser.close} />
    </div>
  );
}
