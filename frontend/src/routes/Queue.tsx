import { Empty } from "@/components/Empty/Empty";

export default function Queue() {
  return <Empty title="Queue" />;
}
