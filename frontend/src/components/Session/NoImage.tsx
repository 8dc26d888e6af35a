import { Button, Group } from "@mantine/core";
import { IconPlayerPlay, IconPlus, IconSitemap } from "@tabler/icons-react";
import { lazy, Suspense, useState } from "react";
import { Link } from "react-router";
import { useProjectState } from "@/client/live";
import { Empty } from "@/components/Empty/Empty";
import { sentence } from "@/components/Fault/Fault";
import { engineLook, useEngineActions } from "@/components/Frame/engine";
import { useMayChange } from "@/hooks/useProject";

const AddJobDialog = lazy(() => import("@/components/Job/AddJobDialog").then(({ AddJobDialog: found }) => ({ default: found })));

/** What is waited for, and the next step as a button. */
export function NoImage({ project, why }: { project: string; why: string }) {
  const may = useMayChange(project);
  const [adding, setAdding] = useState(false);
  return (
    <Empty
      title="No image yet"
      action={
        <Group justify="center">
          {may && !why.includes(" no jobs") && <StartEngine project={project} />}
          <Button variant="default" component={Link} to={`/p/${project}/workflow`} leftSection={<IconSitemap size={16} />}>
            Open the workflow
          </Button>
          {may && (
            <Button variant="default" leftSection={<IconPlus size={16} />} onClick={() => setAdding(true)}>
              Add a job, such as an import
            </Button>
          )}
          <Suspense>{adding && <AddJobDialog project={project} opened onClose={() => setAdding(false)} />}</Suspense>
        </Group>
      }
    >
      {sentence(withoutCommands(why))}
    </Empty>
  );
}

/** Starts the engine where none runs. */
function StartEngine({ project }: { project: string }) {
  const state = useProjectState(project);
  const { start } = useEngineActions(project);
  if (!state || engineLook(state).state !== "stopped") return null;
  return (
    <Button leftSection={<IconPlayerPlay size={16} />} loading={start.isPending} onClick={() => start.mutate({})}>
      Start the engine
    </Button>
  );
}

/** Of a sentence, what is so, without how the command line mends it: here buttons stand for that. */
export function withoutCommands(why: string): string {
  return why.replace(/[:;,] [^:;,.()]*\bvitreous [a-z-]+[^;)]*?(?=[;)]|\.(?:\s|$)|$)/g, "");
}
