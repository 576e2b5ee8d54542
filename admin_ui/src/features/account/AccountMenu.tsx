import { useState } from "react";

import { useLogout, useSession } from "@/session";
import { Button } from "@/ui";

import { PasswordDialog } from "./PasswordDialog";
import "./account.css";

/** Who is signed in, with which roles, and the way out. */
export function AccountMenu() {
  const { me } = useSession();
  const logout = useLogout();
  const [changing, setChanging] = useState(false);
  const roles = me.roles.map(({ role, tenant }) => (tenant === null ? role : `${role} of ${tenant}`));
  return (
    <div className="account">
      <div className="account__who" title={me.email}>
        {me.email}
      </div>
      <div className="account__roles">{roles.join(", ") || "no role"}</div>
      <div className="account__actions">
        <Button variant="ghost" small icon="keys" onClick={() => setChanging(true)}>
          Password
        </Button>
        <Button variant="ghost" small icon="logout" busy={logout.isPending} onClick={() => logout.mutate()}>
          Sign out
        </Button>
      </div>
      {changing && <PasswordDialog onClose={() => setChanging(false)} />}
    </div>
  );
}
