import { Title } from "@mantine/core";
import { ProjectRights } from "@/components/Account/ProjectRights";
import { AlarmSettings } from "@/components/Alarm/AlarmSettings";
import { useProjectKey } from "@/hooks/useProject";
import { hasRole, useMe } from "@/hooks/useMe";
import { DiskCard } from "./DiskCard";
import { PreflightCard } from "./PreflightCard";
import { ProfilesCard } from "./ProfilesCard";
import { ScriptsCard } from "./ScriptsCard";
import { SettingsCard } from "./SettingsCard";
import classes from "./Settings.module.css";

/** Settings of the project, and what belongs to it: checks, alarms, disk, scripts, run profiles, rights. */
export function SettingsPage() {
  const project = useProjectKey();
  const owner = hasRole(useMe().data, "owner", project);
  return (
    <div className={classes.page}>
      <Title order={1}>Settings</Title>
      <SettingsCard key={project} project={project} />
      <PreflightCard project={project} />
      <section className={classes.card} aria-label="Alarms">
        <AlarmSettings project={project} />
      </section>
      <div className={classes.grid}>
        <DiskCard project={project} owner={owner} />
        <ScriptsCard project={project} />
        <ProfilesCard project={project} />
        {owner && (
          <section className={classes.card} aria-labelledby="rights-title">
            <Title order={2} id="rights-title">Rights of users</Title>
            <ProjectRights project={project} />
          </section>
        )}
      </div>
    </div>
  );
}
