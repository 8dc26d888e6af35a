import { QueuePage } from "@/components/Queue/QueuePage";

/** The queue of a project. */
export default function Queue() {
  return <QueuePage />;
}
