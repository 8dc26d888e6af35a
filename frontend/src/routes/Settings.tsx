import { Empty } from "@/components/Empty/Empty";

export default function Settings() {
  return <Empty title="Settings" />;
}
