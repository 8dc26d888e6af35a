import { Anchor, Group, Text, Title } from "@mantine/core";
import { Link } from "react-router";
import { StateBadge } from "@/components/State/StateBadge";
import { counted, formatCount, formatNumber } from "@/components/format";
import { averageUrl, classesUrl, useCards, type ClassCard } from "./classes";
import classes from "./Classes.module.css";

/** The best averages of a classification, and the way to all of them. */
export function ClassStrip({ project, card, title, job = card.job }: { project: string; card: ClassCard; title: string; job?: number }) {
  const { run } = card;
  return (
    <section aria-label={title} className={classes.around} style={{ minWidth: 0 }}>
      <Group justify="space-between" gap="xs" mb={6} wrap="nowrap">
        <Group gap="xs" wrap="nowrap" style={{ minWidth: 0 }}>
          <Title order={3} style={{ whiteSpace: "nowrap" }}>{title}</Title>
          <StateBadge state={card.state} />
        </Group>
        <Anchor component={Link} size="sm" to={classesUrl(project, job)} style={{ whiteSpace: "nowrap" }}>All classes</Anchor>
      </Group>
      {run ? (
        <>
          <div className={classes.strip}>
            {card.best.map((one) => (
              <Link key={one.number} to={classesUrl(project, job, one.number)} aria-label={`Class ${one.number}: ${formatCount(one.particles)} particles, ${formatNumber(one.resolution, 1)} Å`}>
                <figure style={{ margin: 0 }} aria-hidden>
                  <img src={averageUrl(project, card.job, run, one.number, 96)} alt="" className={classes.picture} />
                  <figcaption>{formatCount(one.particles)}<span className={classes.quiet}> · {one.resolution === null ? "–" : `${one.resolution.toFixed(1)} Å`}</span></figcaption>
                </figure>
              </Link>
            ))}
          </div>
          <Text size="xs" c="dimmed" mt={4}>
            {formatCount(run.n_used)} particles in {counted(card.n_classes ?? 0, "class", "classes")}, best {formatNumber(card.resolution, 1)} Å
            {run.running ? `, iteration ${run.iteration} of ${run.iterations}` : ""}
          </Text>
        </>
      ) : (
        <Text size="sm" c="dimmed" style={{ minHeight: 96 }}>Averages appear after the first iteration.</Text>
      )}
    </section>
  );
}

/** The strip of one job, or nothing where it has no classes. */
export function JobClasses({ project, job }: { project: string; job: number }) {
  const { data } = useCards(project, job);
  const card = data?.[0];
  return card ? <ClassStrip project={project} card={card} title={card.job === job ? "Class averages" : `The classes of J${card.job}`} job={job} /> : null;
}

/** The best average of a job, for its node in the graph. */
export function NodeAverage({ project, job, size }: { project: string; job: number; size: number }) {
  const card = useCards(project, job).data?.[0];
  const best = card?.best[0];
  if (!card?.run || !best) return null;
  const told = `Best of ${counted(card.n_classes ?? 0, "class", "classes")}: class ${best.number}`;
  return (
    <Link to={classesUrl(project, job)} aria-label={`${told}; all classes`} title={told}>
      <img src={averageUrl(project, card.job, card.run, best.number, size)} alt="" className={classes.picture} />
    </Link>
  );
}

/** The newest classification of a session, in a box; nothing where there is none. */
export function SessionClasses({ project, className }: { project: string; className?: string }) {
  const { data } = useCards(project);
  const card = data?.find((entry) => entry.run) ?? data?.[0];
  return card ? <div className={className}><ClassStrip project={project} card={card} title="2D classes" /></div> : null;
}
