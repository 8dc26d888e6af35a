import { Button, Skeleton } from "@mantine/core";
import { Link, Navigate } from "react-router";
import { Empty } from "@/components/Empty/Empty";
import { Fault } from "@/components/Fault/Fault";
import { classesUrl, useCards } from "./classes";

/** Goes to the newest classification that has averages, else to the newest. */
export function NewestClasses({ project }: { project: string }) {
  const { data, error, refetch } = useCards(project);
  if (error) return <Fault error={error} retry={() => void refetch()} />;
  if (!data) return <Skeleton height={400} m="md" />;
  const card = data.find((one) => one.run) ?? data[0];
  if (card) return <Navigate to={classesUrl(project, card.job)} replace />;
  return (
    <Empty title="No 2D classification yet" action={<Button component={Link} to={`/p/${project}/workflow`}>Open the workflow</Button>}>
      Add one behind a job that extracts particles.
    </Empty>
  );
}
