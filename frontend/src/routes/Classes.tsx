import { ClassesPage } from "@/components/Classes/ClassesPage";
import { useProjectKey } from "@/hooks/useProject";

/** The class averages of a job. */
export default function Classes() {
  const project = useProjectKey();
  return <ClassesPage key={project} project={project} />;
}
