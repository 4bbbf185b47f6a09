# Wörter, die mehrfach vorkommen
axial = Axial
cancel = Abbrechen
close = Schließen
coronal = Koronar
oblique = Schräg
redo = Wiederholen
remove = Entfernen
sagittal = Sagittal
save = Speichern
undo = Rückgängig

# Das Feld, das die Darstellung des Volumens ändert
look-ambient = Umgebungslicht
look-back = Zurück zu { $preset }
look-cinematic = Fotorealistisch
look-cinematic-hint = Licht eines Studios, Pfad für Pfad verfolgt; das Rauschen schwindet mit jedem Durchgang
look-cinematic-progress = { $percent } % der Abtastungen
look-clip = Zuschneiden
look-close = Feld schließen
look-colors = Farben
look-crop = Quader
look-crop-from = Erster gezeigter Voxel, { $direction }
look-crop-to = Letzter gezeigter Voxel, { $direction }
look-curve-hint = Verlauf zum nächsten Punkt
look-curve-linear = Gerade
look-curve-smooth = Weich
look-curve-step = Stufe
look-cut-remove = Schnitt entlang einer Schicht aufheben
look-depth-color = Farbe in der Ferne
look-depth-cue = Mit der Tiefe verblassen
look-depth-strength = Stärke des Verblassens
look-diffuse = Streulicht
look-fit = Einpassen
look-fit-hint = Alle Werte zeigen, auf die es ankommt
look-gradient = Deckkraft an Grenzen
look-gradient-hint = Faktor der Deckkraft dort, wo sich Werte um so viel je mm ändern: niedrig links verbirgt das Innere gleichmäßigen Gewebes
look-gradient-use = Hängt davon ab, wie schnell sich Werte ändern
look-light = Licht { $number }
look-light-add = Licht hinzufügen
look-light-around = Grad rechts vom Betrachter oder von der Vorderseite des Patienten
look-light-brightness = Helligkeit
look-light-camera = Dreht sich mit der Ansicht
look-light-color = Farbe von Licht { $number }
look-light-remove = Licht { $number } entfernen
look-light-up = Grad darüber
look-lighting = Licht
look-map = Farbtabelle
look-map-hint = Eine Farbtabelle über die Farbpunkte legen
look-none-selected = { $count ->
    [one] 1 Punkt. Doppelklick fügt einen hinzu; ausgewählt lässt er sich in Zahlen ändern.
   *[other] { $count } Punkte. Doppelklick fügt einen hinzu; ausgewählt lässt er sich in Zahlen ändern.
}
look-occlusion = Vertiefungen abdunkeln
look-opacity = Deckkraft von 1 mm
look-plane-add = Schnittebene hinzufügen
look-plane-flip = Andere Seite
look-plane-flip-hint = Zeigen, was auf der anderen Seite der Ebene liegt
look-plane-offset = Abstand von der Mitte des Volumens
look-plane-orientation = Richtung von Ebene { $number }
look-plane-remove = Ebene { $number } entfernen
look-point = { $name }, Punkt { $number } von { $count }: { $value }, { $level } %
look-point-level = Deckkraft des Punktes
look-point-value = Wert des Punktes
look-power = Schärfe der Glanzlichter
look-pre-integrated = Vorintegriert
look-pre-integrated-hint = Auch zwischen den Abtastpunkten schauen: große Schritte zeigen keine Ringe
look-preset-name = Name
look-quality = Qualität
look-redo-hint = Zurückgenommenes wiederholen
look-remove-hint = Punkt entfernen (Entf)
look-save = Als Vorlage speichern…
look-shadows = Weiche Schatten des ersten Lichts
look-specular = Glanzlichter
look-step = Schrittweite, Voxel
look-stop = Farbpunkt { $number } von { $count }: { $value }, Rot { $red }, Grün { $green }, Blau { $blue }
look-stop-color = Farbe des Farbpunkts
look-stop-value = Wert des Farbpunkts
look-title = Darstellung
look-undo-hint = Letzte Änderung der Darstellung zurücknehmen
look-zoom-in = Weniger Werte, größer
look-zoom-out = Mehr Werte, kleiner

# Meldungen
job-ended = die Arbeit endete unerwartet
preset-built-in = „{ $name }“ wurde nicht gespeichert: So heißt schon eine eingebaute Vorlage; bitte einen anderen Namen wählen.
preset-no-folder = Die Vorlage wurde nicht gespeichert: Dieses System nennt keinen Ordner für Einstellungen; --presets gibt einen an.
preset-not-saved = „{ $name }“ wurde nicht gespeichert: { $reason }
