"""What a person does with the admin UI, in the words of its labels."""

from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

DESKTOP = {"width": 1440, "height": 900}
NARROW = {"width": 390, "height": 844}


@dataclass(frozen=True)
class Console:
    """The UI in one browser profile."""

    page: Page
    url: str

    def use_session(self, cookie: str, value: str) -> None:
        """Signs in without the form, with a session that exists, and opens the first page."""
        self.page.context.add_cookies(
            [{"name": cookie, "value": value, "url": self.url, "sameSite": "Strict"}]
        )
        self.visit()

    def visit(self, path: str = "") -> None:
        self.page.goto(self.url + path)

    def open(self, path: str) -> None:
        """Visits a page and waits until everything on it is loaded."""
        self.visit(path)
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()
        expect(self.page.get_by_role("status", name="Loading")).to_have_count(0)

    def sign_in(self, email: str, password: str) -> None:
        self.visit()
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password").fill(password)
        self.press("Sign in")
        expect(self.page.get_by_label("Password")).to_have_count(0)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def row(self, text: str) -> Locator:
        return self.page.get_by_role("row").filter(has_text=text)

    def heading(self, name: str) -> Locator:
        return self.page.get_by_role("heading", name=name, exact=True)

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    def new_key(self, tenant: str, name: str) -> str:
        """Creates a key and returns what the UI shows once."""
        self.visit(f"tenants/{tenant}/keys")
        self.press("New key")
        self.dialog.get_by_label("Name", exact=True).fill(name)
        self.press("Create key")
        value = self.page.get_by_test_id("api-key").inner_text()
        self.press("I have stored the key")
        return value
