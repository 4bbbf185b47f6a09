"""A reader who sees nothing and has no mouse: reads a study through AT-SPI and the keyboard alone.

Runs inside `dbus-run-session` with DISPLAY set: atspi_reader.py PROGRAM STUDY FOLDER.
Prints one line a step; ends with 1 and the reason at the first control without a name or step without effect.
"""

import atexit
import os
import pathlib
import subprocess
import sys
import time

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, Gio, GLib  # noqa: E402

PROGRAM, STUDY, FOLDER = sys.argv[1:4]
SOON = 90.0

# What a person operates; everything else only holds it or shows a text.
OPERATED = {
    Atspi.Role.PUSH_BUTTON, Atspi.Role.TOGGLE_BUTTON, Atspi.Role.CHECK_BOX, Atspi.Role.RADIO_BUTTON,
    Atspi.Role.COMBO_BOX, Atspi.Role.SLIDER, Atspi.Role.SPIN_BUTTON, Atspi.Role.ENTRY, Atspi.Role.TEXT,
    Atspi.Role.LINK, Atspi.Role.MENU_ITEM, Atspi.Role.LIST_ITEM, Atspi.Role.IMAGE, Atspi.Role.COLOR_CHOOSER,
    Atspi.Role.PAGE_TAB, Atspi.Role.PASSWORD_TEXT, Atspi.Role.CANVAS,
}


def ask_for_trees():
    """Programs tell what they show only while somebody says that they listen."""
    bus = Gio.bus_get_sync(Gio.BusType.SESSION, None)
    for name in ("IsEnabled", "ScreenReaderEnabled"):
        bus.call_sync(
            "org.a11y.Bus", "/org/a11y/bus", "org.freedesktop.DBus.Properties", "Set",
            GLib.Variant("(ssv)", ("org.a11y.Status", name, GLib.Variant("b", True))),
            None, Gio.DBusCallFlags.NONE, -1, None,
        )


def nodes(of):
    """Everything below, as (role, name, states)."""
    try:
        count = of.get_child_count()
    except GLib.Error:
        return
    for index in range(count):
        try:
            child = of.get_child_at_index(index)
            if child is None:
                continue
            yield child
        except GLib.Error:
            continue
        yield from nodes(child)


def name_of(node):
    try:
        name = node.get_name() or ""
        if not name.strip():
            for relation in node.get_relation_set():
                if relation.get_relation_type() == Atspi.RelationType.LABELLED_BY and relation.get_n_targets():
                    name = relation.get_target(0).get_name() or ""
        return name.strip()
    except GLib.Error:
        return "gone"


def application():
    desktop = Atspi.get_desktop(0)
    for index in range(desktop.get_child_count()):
        child = desktop.get_child_at_index(index)
        if child is not None and "voxcast" in (child.get_name() or "").lower():
            # What was there a moment ago counts no more.
            child.clear_cache()
            return child
    return None


def everything():
    app = application()
    return list(nodes(app)) if app else []


def shown():
    """The names of all there is."""
    return [name_of(node) for node in everything()]


def wait_for(what, condition, limit=SOON):
    end = time.monotonic() + limit
    while time.monotonic() < end:
        found = condition()
        if found:
            print(f"ok: {what}", flush=True)
            return found
        if program.poll() is not None:
            fail(f"{what}: the program has ended")
        time.sleep(0.3)
    print("\n".join(sorted(set(filter(None, shown())))), file=sys.stderr)
    return fail(f"{what}: not within {limit:.0f} s")


def fail(reason):
    print(f"failed: {reason}", file=sys.stderr, flush=True)
    program.kill()
    sys.exit(1)


def check_names(where):
    """Every control has a name."""
    controls = [node for node in everything() if node.get_role() in OPERATED]
    if len(controls) < 3:
        fail(f"{where}: only {len(controls)} controls")
    for node in controls:
        if not name_of(node):
            parent = node.get_parent()
            around = [name_of(other) for other in nodes(parent)][:8] if parent else []
            fail(f"{where}: a {node.get_role_name()} without a name beside {around}")
    print(f"ok: {where}: {len(controls)} controls, each with a name", flush=True)


def key(*keys):
    for one in keys:
        subprocess.run(["xdotool", "key", one], check=True)
        time.sleep(0.25)


def write(text):
    subprocess.run(["xdotool", "type", "--delay", "15", text], check=True)
    time.sleep(0.3)


def has(part):
    return lambda: any(part in name for name in shown())


def lacks(part):
    return lambda: not any(part in name for name in shown())


def value_of(name):
    """The number in a field."""
    for node in everything():
        if node.get_role() == Atspi.Role.SPIN_BUTTON and name_of(node) == name:
            try:
                return Atspi.Value.get_current_value(node)
            except GLib.Error:
                return None
    return None


def focused():
    for node in everything():
        try:
            if node.get_state_set().contains(Atspi.StateType.FOCUSED):
                return name_of(node)
        except GLib.Error:
            continue
    return ""


def tab_to(part, most=120):
    """Presses Tab until a control with this in its name has the focus."""
    here = focused()
    for _ in range(most):
        if part in here:
            return
        subprocess.run(["xdotool", "key", "Tab"], check=True)
        # Neighbours may have the same name; then the focus has moved all the same.
        before, moved = here, time.monotonic() + 0.35
        while here in (before, "") and time.monotonic() < moved:
            here = focused()
    fail(f"Tab does not lead to {part!r}")


def to_viewport(name):
    """Gives the keyboard back to the viewports, one of which becomes the active one."""
    tab_to(f"{name} view, slice")


def slice_of(name):
    """What the viewport says of its slice."""
    return next((found for found in shown() if found.startswith(f"{name} view, slice")), "")


ask_for_trees()
program = subprocess.Popen([PROGRAM, "--no-index"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
atexit.register(program.kill)
wait_for("the window is there", lambda: application() is not None)
window = wait_for(
    "the window has a number",
    lambda: subprocess.run(["xdotool", "search", "--name", "^Voxcast$"], capture_output=True, text=True).stdout.split(),
)[0]
time.sleep(1.0)
subprocess.run(["xdotool", "windowfocus", window], check=True)
wait_for("the start screen is told", has("Open"))
check_names("start screen")

key("ctrl+o")
wait_for("a dialog asks what to open", has("Path of a folder"))
check_names("open dialog")
write(STUDY)
key("Return")
wait_for("the study is on screen", has("slice 131 of 260"))
check_names("study")

key("Down", "Down", "Down")
wait_for("three slices further", has("slice 134 of 260"))
key("2")
wait_for("the lung window by its key", lambda: value_of("W") == 1500.0)
key("f")
wait_for("one viewport alone", lambda: sum(" view, slice " in name for name in shown()) <= 1)
key("f")
wait_for("all viewports again", lambda: sum(" view, slice " in name for name in shown()) >= 3)

# A length from the middle of the slice to the right, and a region below it, away from its handles.
key("n", "Return", "Return", *["shift+Right"] * 6, "Return", "Escape")
key("e", "Return", *["shift+Down"] * 5, "Return", *["shift+Right"] * 3, *["shift+Down"] * 3, "Return", "Escape")
key("ctrl+m")
wait_for("the length is listed", has(" mm"))
wait_for("the region is listed", has(" HU"))
check_names("measurements")
length = next(name for name in shown() if name.startswith("Length") and " mm" in name)
print(f"ok: {length!r}", flush=True)
tab_to("Rename Length")
key("space")
wait_for("a label is asked for", has("Set label"))
check_names("label")
write("by keyboard")
key("Return")
wait_for("the length has its label", has("Rename by keyboard"))

tab_to("Save…")
key("space")
wait_for("a dialog asks what to save", has("Measurement report"))
check_names("save dialog")
tab_to("Folder, made")
key("ctrl+a")
write(FOLDER)
tab_to("Save")
key("space")
wait_for("a report is written", lambda: any(pathlib.Path(FOLDER).glob("*measurements.dcm")))
key("ctrl+m")
wait_for("the measurements are closed", lacks("Close the measurements"))
to_viewport("Axial")
key("ctrl+z", "ctrl+z")

# A thick slice, and the crosshair: where planes cross, and how they lie to each other.
key("ctrl+Up", "ctrl+Up", "shift+m")
wait_for("a slab", has("MIP 5.0 mm"))
key("ctrl+Down", "ctrl+Down")
wait_for("a slice again", lacks("MIP 5.0 mm"))
sagittal = slice_of("Sagittal")
key("b", *["shift+Right"] * 4)
wait_for("the crosshair moves the sagittal slice", lambda: slice_of("Sagittal") != sagittal)
key("alt+Right", "alt+Right")
wait_for("its lines turn", has("Oblique, near sagittal"))
key("w", "shift+space")
wait_for("all is reset", lacks("Oblique"))

key("shift+p")
wait_for("the look of the volume", has("point 3 of 4: 300"))
check_names("look of the volume")
tab_to("point 3 of 4")
key("Up", "Right")
wait_for("a point moved by arrows", lacks("point 3 of 4: 300"))
key("Escape", "shift+p")
wait_for("the panel is gone", lacks("point 3 of 4"))

key("ctrl+comma")
wait_for("the settings", has("Theme"))
check_names("settings")
for page in ("Keys", "Studies", "System"):
    tab_to(page)
    key("space")
    check_names(f"settings, {page}")
key("Escape")
wait_for("the settings are closed", lacks("As the system"))

key("ctrl+e")
wait_for("the export", has("Picture of the active viewport"))
check_names("export")
tab_to("Folder")
key("ctrl+a")
write(FOLDER)
tab_to("Export")
key("space")
wait_for("a picture is written", lambda: any(pathlib.Path(FOLDER).glob("voxcast-*.png")))
key("ctrl+k")
wait_for("a dialog asks for an address", has("Address"))
check_names("connect dialog")
key("Escape")
wait_for("it is closed", lacks("Address"))

key("ctrl+shift+s")
wait_for("a dialog asks how to share", has("Start sharing"))
check_names("share dialog")
tab_to("Start sharing")
key("space")
wait_for("the session is shared", has("New link"))
tab_to("New link")
key("space")
wait_for("there is a link", has("Copy"))
check_names("share dialog with a link")
tab_to("End sharing")
key("space")
wait_for("it is shared no more", has("Start sharing"))
key("Escape")
wait_for("the dialog is closed", lacks("Start sharing"))

key("question")
wait_for("the keys are told", has("Keys and mouse"))
check_names("help")
key("Escape")
program.terminate()
program.wait()
print("ok: a whole read by keyboard", flush=True)
os._exit(0)
