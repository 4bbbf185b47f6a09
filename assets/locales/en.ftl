# Words used in several places
axial = Axial
cancel = Cancel
close = Close
coronal = Coronal
oblique = Oblique
redo = Redo
remove = Remove
sagittal = Sagittal
save = Save
undo = Undo

# The panel that changes how a volume is drawn
look-ambient = Ambient light
look-back = Back to { $preset }
look-cinematic = Cinematic
look-cinematic-hint = Light of a studio, followed path by path; noise fades as samples are gathered
look-cinematic-progress = { $percent } % of the samples
look-clip = Crop and clip
look-close = Close the panel
look-colors = Colours
look-crop = Crop box
look-crop-from = First voxel shown, { $direction }
look-crop-to = Last voxel shown, { $direction }
look-curve-hint = Curve to the next point
look-curve-linear = Straight
look-curve-smooth = Smooth
look-curve-step = Step
look-cut-remove = Remove the cut along a slice
look-depth-color = Colour in the distance
look-depth-cue = Fade with depth
look-depth-strength = Strength of fading
look-diffuse = Diffuse light
look-fit = Fit
look-fit-hint = Show all values that matter
look-gradient = Opacity at borders
look-gradient-hint = What the opacity is multiplied by where values change this much per mm: low on the left hides the inside of even tissue
look-gradient-use = Depends on how fast values change
look-light = Light { $number }
look-light-add = Add a light
look-light-around = Degrees to the right of the viewer, or of the patient’s front
look-light-brightness = Brightness
look-light-camera = Turns with the view
look-light-color = Colour of light { $number }
look-light-remove = Remove light { $number }
look-light-up = Degrees above
look-lighting = Light
look-map = Colour map
look-map-hint = Spread a colour map over the stops
look-none-selected = { $count ->
    [one] 1 point. Double-click adds one; select it to change it by numbers.
   *[other] { $count } points. Double-click adds one; select one to change it by numbers.
}
look-occlusion = Darken hollows
look-opacity = Opacity of 1 mm
look-plane-add = Add a clip plane
look-plane-flip = Other side
look-plane-flip-hint = Show what lies on the other side of the plane
look-plane-offset = Distance from the middle of the volume
look-plane-orientation = Orientation of plane { $number }
look-plane-remove = Remove plane { $number }
look-point = { $name }, point { $number } of { $count }: { $value }, { $level } %
look-point-level = Opacity of the point
look-point-value = Value of the point
look-power = Sharpness of highlights
look-pre-integrated = Pre-integrated
look-pre-integrated-hint = Look at what lies between samples, too: coarse steps show no rings
look-preset-name = Name
look-quality = Quality
look-redo-hint = Do again what was undone
look-remove-hint = Remove the point (Delete)
look-save = Save as a preset…
look-shadows = Soft shadows of the first light
look-specular = Highlights
look-step = Step, voxels
look-stop = Colour stop { $number } of { $count }: { $value }, red { $red }, green { $green }, blue { $blue }
look-stop-color = Colour of the stop
look-stop-value = Value of the stop
look-title = Look of the volume
look-undo-hint = Take back the last change of the look
look-zoom-in = Fewer values, larger
look-zoom-out = More values, smaller

# Messages
job-ended = the work stopped unexpectedly
preset-built-in = “{ $name }” was not saved: a built-in preset has this name; choose another one.
preset-no-folder = The preset was not saved: this system names no folder for the settings of a user; give one with --presets.
preset-not-saved = “{ $name }” was not saved: { $reason }
