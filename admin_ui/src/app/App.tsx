import { QueryClientProvider, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { BrowserRouter } from "react-router";

import { LoginPage } from "@/features/login";
import { meQuery } from "@/session";
import { Loaded, ToastProvider } from "@/ui";

import { createQueryClient } from "./queryClient";
import { Shell } from "./Shell";

export function App() {
  const [client] = useState(createQueryClient);
  return (
    <QueryClientProvider client={client}>
      <ToastProvider>
        <BrowserRouter basename="/admin">
          <Gate />
        </BrowserRouter>
      </ToastProvider>
    </QueryClientProvider>
  );
}

/** Signed out: the sign-in, at whatever address; it stays where one wanted to go. */
function Gate() {
  const me = useQuery(meQuery);
  return <Loaded query={me}>{(account) => (account === null ? <LoginPage /> : <Shell />)}</Loaded>;
}
