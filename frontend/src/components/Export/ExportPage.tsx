import { Text, Title } from "@mantine/core";
import { useProjectKey } from "@/hooks/useProject";
import classes from "./Export.module.css";
import { MethodsCard } from "./MethodsCard";
import { PathsCard } from "./PathsCard";
import { ReportCard } from "./ReportCard";
import { TableCard } from "./TableCard";
import { TemplateCard } from "./TemplateCard";

/** What can be taken away: report, methods, tables, lists of files, template. */
export function ExportPage() {
  const project = useProjectKey();
  return (
    <div className={classes.page}>
      <Title order={1}>Export</Title>
      <Text size="sm" c="dimmed">What is made here is of the session as it is now; nothing in the project changes.</Text>
      <div className={classes.grid}>
        <ReportCard project={project} />
        <MethodsCard project={project} />
        <TableCard project={project} />
        <PathsCard project={project} />
        <TemplateCard project={project} />
      </div>
    </div>
  );
}
