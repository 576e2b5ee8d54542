import { useSession } from "@/session";
import { Page } from "@/ui";

import { RecognizersPanel } from "./RecognizersPanel";
import { Tester } from "./Tester";
import "./privacy.css";

export function PrivacyPage({ tenant }: { tenant: string }) {
  const { can } = useSession();
  return (
    <Page title="Privacy" context={tenant} note="What counts as personal data here, beside what every tenant's guard finds.">
      <RecognizersPanel tenant={tenant} />
      {can("privacy.explain", tenant) && <Tester tenant={tenant} />}
    </Page>
  );
}
