import { WorkflowPage } from "@/components/Workflow/WorkflowPage";
import { useProjectKey } from "@/hooks/useProject";

export default function Workflow() {
  const project = useProjectKey();
  return <WorkflowPage key={project} project={project} />;
}
