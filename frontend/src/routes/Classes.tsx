import { useParams } from "react-router";
import { ClassesPage } from "@/components/Classes/ClassesPage";
import { NewestClasses } from "@/components/Classes/NewestClasses";
import { useProjectKey } from "@/hooks/useProject";

/** The class averages of a job; without a job, those of the newest classification. */
export default function Classes() {
  const project = useProjectKey();
  if (useParams().job === undefined) return <NewestClasses project={project} />;
  return <ClassesPage key={project} project={project} />;
}
