import { Empty } from "@/components/Empty/Empty";

export default function Library() {
  return <Empty title="Library" />;
}
