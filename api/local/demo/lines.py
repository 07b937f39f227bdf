"""The demo shop as text: what it sells, and who buys there.

`LINES` holds the product lines by category. A line is a head, its copy and its variants:

    # category
    Brand | Model | tag, tag | key=value; key=value
      Two sentences that are true of every variant.
    - Variant | price | key=value; key | One sentence about this variant.

The values become the product's metadata; those of a variant win over those of its line. `c`, `s`,
`cap` and `w` are short for color, size, capacity and weightGrams, and a key without a value takes
the variant's own name. Indented lines continue the one above.

`PEOPLE` has one customer a line: first name, last name, username, top-level domain of the address,
bio, street (a second line of it after a semicolon), city, postal code, country.
"""

LINES = """\
# electronics
Vellmo | Drift Wireless Earbuds | earbuds, wireless, audio | w=48; warrantyMonths=24
  Light in-ear buds with seven hours of play from one charge and another twenty in the case. A long
  press switches between noise cancelling and letting the street in.
- Chalk White | 69.90 | c | The white shell has a matt finish that hides fingerprints.
- Graphite | 69.90 | c | Graphite comes with a matching case and three sizes of dark silicone tips.
- Moss Green | 72.90 | c | This green edition has a cork-lined lid on the charging case.
- Sport, Coral | 84.90 | c=Coral; w=56 | The Sport version adds ear hooks and stands up to sweat
    and heavy rain.
Vellmo | Cove Over-Ear Headphones | headphones, wireless, audio | w=265; warrantyMonths=24
  Closed headphones with soft protein-leather cushions and a forty-hour battery. They fold flat
  into the hard case and work by cable when the battery is empty.
- Black | 149.00 | c | Black on black, with only the volume wheel picked out in brass.
- Sand | 149.00 | c | The sand version has lighter cushions and a woven headband.
- Deep Blue | 154.00 | c | Deep blue anodised arms set this one apart from the rest.
- Studio, Black | 199.00 | c=Black; w=290 | The Studio pair has flatter tuning and a three-metre
    coiled cable for mixing.
Ostraker | Cobble Portable Speaker | speaker, portable, wireless, audio | w=540; warrantyMonths=24
  A round speaker that sits in the palm and still fills a kitchen. It floats, survives a drop on
  tiles and pairs with a second one for stereo.
- Small, Slate | 39.90 | c=Slate; s=Small | The small one plays for ten hours and clips to a
    rucksack strap.
- Small, Terracotta | 39.90 | c=Terracotta; s=Small | Terracotta fabric and a cotton loop suit the
    balcony in summer.
- Large, Slate | 89.90 | c=Slate; s=Large; w=1180 | The large one adds a passive bass unit and
    eighteen hours of battery.
- Large, Terracotta | 89.90 | c=Terracotta; s=Large; w=1180 | It has the deeper sound of the large
    cabinet in a warm clay colour.
Ostraker | Beacon Kitchen Radio | radio, digital, kitchen, audio | w=1320; warrantyMonths=36
  A digital and FM radio with real knobs and a display you can read across the room. Two timers and
  a gentle alarm make it useful before breakfast as well.
- Cream | 94.50 | c | Cream lacquer over beech gives it the look of an older set.
- Walnut | 109.00 | c | Real walnut veneer wraps round the cabinet in one piece.
- Ink Blue | 94.50 | c | The blue lacquer is paired with a light oak front.
Pindrift | Relay Power Bank | power bank, charger, travel | w=210; warrantyMonths=24
  A slim battery that charges a phone and a pair of earbuds at the same time. Four small lights
  show what is left, and the corners are rounded for a coat pocket.
- 5,000 mAh | 24.90 | cap; w=118; color=Black | Enough for one full phone charge on a day trip.
- 10,000 mAh | 36.90 | cap; color=Black | The middle size lasts a long weekend away from a socket.
- 20,000 mAh | 54.90 | cap; w=395; color=Black | With 45 watts at the USB-C port, it will also top
    up a small laptop.
- 20,000 mAh with Solar Lid | 74.90 | cap=20,000 mAh; w=520; color=Black | A folding solar lid wins
    back a little charge at the campsite.
Pindrift | Loop Charging Cable | cable, usb-c, charger | w=45; warrantyMonths=60
  A braided USB-C cable with moulded strain relief that has been bent ten thousand times on the
  test rig. A small leather strap keeps it rolled up in the bag.
- 0.5 m | 9.90 | s; color=Grey | Half a metre is right for a power bank or the car.
- 1 m | 12.90 | s; color=Grey | The one-metre cable reaches from the desk to the socket.
- 2 m | 15.90 | s; w=78; color=Grey | Two metres reach the sofa from almost anywhere.
Pindrift | Junction Wall Charger | charger, usb-c, travel | w=165; warrantyMonths=36
  A compact charger that shares its power sensibly between everything plugged in. The case stays
  cool to the touch and the pins fold away.
- 30 W, 1 Port | 19.90 | power=30 W; w=72; color=White | One port and no bigger than a matchbox.
- 65 W, 2 Ports | 37.90 | power=65 W; w=118; color=White | Two ports are enough for a laptop and a
    phone overnight.
- 100 W, 4 Ports | 59.90 | power=100 W; color=White | Four ports replace the whole tangle of plugs
    under the desk.
Vellmo | Hearth Smart Plug | smart home, plug, energy | w=62; warrantyMonths=24
  Switches a lamp or heater by timer, app or the button on the side, and measures what it uses. It
  works on the home network alone, without an account.
- Single | 17.90 | packSize=1; color=White | Start with one on the device you always forget to turn
    off.
- Pack of 2 | 32.90 | packSize=2; w=124; color=White | Two plugs cover the lamps at either end of a
    living room.
- Pack of 4 | 59.90 | packSize=4; w=248; color=White | The four-pack is the least expensive way to
    fit out a flat.
- Outdoor, Double | 34.90 | packSize=1; w=240; color=Black | Two sealed sockets with rubber lids
    are made for the terrace.
Vellmo | Tidal Fitness Watch | watch, fitness, wearable | w=34; warrantyMonths=24
  A bright watch that follows heart rate, sleep and routes and needs charging once in nine days.
  The glass is hardened and the strap changes without tools.
- 40 mm, Black | 129.00 | c=Black; s=40 mm | The smaller case suits slim wrists and sleeps
    comfortably.
- 40 mm, Rose | 129.00 | c=Rose; s=40 mm | A rose case comes with a blush silicone strap.
- 44 mm, Black | 144.00 | c=Black; s=44 mm; w=41 | The 44 mm case has a larger battery and a
    display that reads well on a run.
- 44 mm, Titanium | 219.00 | c=Titanium; s=44 mm; w=38 | A titanium case and sapphire glass shrug
    off climbing walls.
Ostraker | Folio E-Reader | e-reader, reading, tablet | w=178; warrantyMonths=24
  A glare-free reading screen with a warm light that dims towards bedtime. The battery lasts about
  six weeks and the buttons can be used with gloves on.
- 8 GB, Black | 119.00 | c=Black; cap=8 GB | Eight gigabytes hold several thousand novels.
- 8 GB, Sage | 119.00 | c=Sage; cap=8 GB | A sage back and page buttons make it easy to tell apart
    at home.
- 32 GB, Black | 159.00 | c=Black; cap=32 GB | With 32 GB there is room for comics and audio books
    as well.
- 32 GB with Pen | 209.00 | c=Black; cap=32 GB; w=204 | The pen writes notes in the margin and
    keeps a place on the side.
Ostraker | Lumen Desk Projector | projector, home cinema, video | w=1450; warrantyMonths=24
  A quiet projector that throws a two-metre picture from the bookshelf. It squares up and focuses
  by itself within three seconds of being switched on.
- 720p | 189.00 | resolution=720p; color=White | The 720p model is plenty for cartoons and football
    in the garden.
- 1080p | 279.00 | resolution=1080p; color=White | Full resolution keeps subtitles crisp on a large
    wall.
- 1080p with Battery | 349.00 | resolution=1080p; w=1980; color=Grey | Its built-in battery lasts
    one film, wherever there is a wall.
- 4K | 599.00 | resolution=4K; w=2300; color=Grey | The 4K model is bright enough for early evening
    without drawing the curtains.

# home-office
Deskarra | Rise Standing Desk | desk, standing desk, furniture | w=34000; warrantyMonths=120
  An electric desk that goes from sitting to standing in twelve seconds and remembers four heights.
  It stops by itself when it meets a chair or a drawer.
- 120 × 60 cm, White | 349.00 | c=White; s=120 × 60 cm | This size fits a bedroom corner and one
    large screen.
- 120 × 60 cm, Oak | 389.00 | c=Oak; s=120 × 60 cm | The oak veneer top has a hard oil finish.
- 160 × 80 cm, White | 449.00 | c=White; s=160 × 80 cm; w=43000 | At 160 centimetres there is room
    for two screens and a drawing pad.
- 160 × 80 cm, Oak | 499.00 | c=Oak; s=160 × 80 cm; w=44500 | The full-size oak top is made from
    one continuous sheet of veneer.
Deskarra | Poise Task Chair | chair, ergonomic, furniture | w=15200; warrantyMonths=60
  A chair whose back follows you when you lean and holds you when you type. Seat depth, arms and
  lumbar support all adjust while you sit.
- Mesh, Black | 229.00 | c=Black; material=Mesh | The mesh back stays cool on warm afternoons.
- Mesh, Light Grey | 229.00 | c=Light Grey; material=Mesh | Light grey mesh on a white frame keeps
    a small room bright.
- Wool, Forest | 279.00 | c=Forest; material=Wool; w=16100 | Wool upholstery in forest green
    softens the look at home.
- Mesh with Headrest | 269.00 | c=Black; material=Mesh; w=16400 | The adjustable headrest is for
    those who think while leaning back.
Larkstead | Arc Desk Lamp | lamp, lighting, desk | w=1250; warrantyMonths=36
  A long-armed lamp that spreads an even light without glare on the screen. Touch the switch to dim
  it or to change from cool to warm.
- Black | 64.90 | c | A powder-coated black arm disappears against dark walls.
- White | 64.90 | c | All in white, it sits quietly beside a pale desk.
- Brass | 84.90 | c; w=1480 | Brushed brass gives the desk a warmer, older character.
- Clamp, Black | 59.90 | c=Black; w=980 | A clamp replaces the base and gives back a corner of the
    desk.
Larkstead | Grain Desk Mat | desk mat, desk, accessories | w=420; warrantyMonths=12
  A smooth mat that protects the table and gives the mouse a better surface. The underside is cork,
  so it stays where you put it.
- 60 × 30 cm, Felt Grey | 22.90 | c=Grey; s=60 × 30 cm; material=Felt | The small felt mat takes a
    compact keyboard and a mouse.
- 90 × 40 cm, Felt Grey | 32.90 | c=Grey; s=90 × 40 cm; material=Felt; w=690 | The large felt mat
    covers the whole working width.
- 90 × 40 cm, Leather Cognac | 69.90 | c=Cognac; s=90 × 40 cm; material=Leather; w=880 |
    Vegetable-tanned leather darkens handsomely over the years.
- 90 × 40 cm, Leather Black | 69.90 | c=Black; s=90 × 40 cm; material=Leather; w=880 | Black
    leather with a tone-on-tone seam looks smart in meetings.
Quorrel | Tapp Mechanical Keyboard | keyboard, mechanical, computer | w=820; warrantyMonths=36
  A low keyboard with replaceable switches and keycaps that do not wear shiny. It remembers three
  computers and changes between them with one key.
- Compact, Quiet | 89.90 | layout=75%; switch=Quiet; color=Grey | Damped switches keep the peace in
    a shared office.
- Compact, Tactile | 89.90 | layout=75%; switch=Tactile; color=Grey | A small bump half-way down
    tells your fingers the key has registered.
- Full Size, Quiet | 109.00 | layout=100%; switch=Quiet; color=Grey; w=1090 | The number block is
    there for anyone who works in spreadsheets.
- Full Size, Tactile | 109.00 | layout=100%; switch=Tactile; color=Cream; w=1090 | Cream keycaps
    and a number block bring back the feel of older machines.
Quorrel | Glide Wireless Mouse | mouse, wireless, computer | w=96; warrantyMonths=36
  A quiet mouse with a wheel that clicks for lists and runs free for long pages. One charge lasts
  around ten weeks of office days.
- Right Hand, Black | 49.90 | c=Black | Shaped for the right hand, with a rest for the thumb.
- Left Hand, Black | 49.90 | c=Black | A true mirror image for left-handers, not just swapped
    buttons.
- Vertical, Grey | 59.90 | c=Grey; w=124 | The upright grip takes the twist out of a tired forearm.
Quorrel | Vantage Monitor Arm | monitor arm, desk, ergonomic | w=2900; warrantyMonths=120
  A gas-sprung arm that lifts the screen off the desk and moves with two fingers. Cables run inside
  the arm, and the clamp fits tops up to six centimetres.
- Single, Black | 94.90 | c=Black; screens=1 | It carries one screen of up to 32 inches.
- Single, White | 94.90 | c=White; screens=1 | The white arm is a natural match for a bright desk.
- Dual, Black | 159.00 | c=Black; screens=2; w=4800 | Two independent arms share a single clamp.
- Dual, White | 159.00 | c=White; screens=2; w=4800 | The dual arm in white lines up two screens
    edge to edge.
Larkstead | Ledger Notebook | notebook, stationery, paper | w=310
  Sewn pages of ink-proof paper that lie flat from the first to the last. Numbered pages, an index
  and two ribbons help you find things again.
- A5, Lined | 16.90 | s=A5; ruling=Lined; color=Navy | Seven-millimetre lines suit everyday
    handwriting.
- A5, Dotted | 16.90 | s=A5; ruling=Dotted; color=Rust | A faint dot grid leaves room for lists and
    sketches.
- A4, Lined | 23.90 | s=A4; ruling=Lined; color=Navy; w=640 | The A4 size is made for meeting
    minutes and lectures.
- A4, Squared | 23.90 | s=A4; ruling=Squared; color=Charcoal; w=640 | Five-millimetre squares keep
    figures and drawings in line.
Larkstead | Meridian Fountain Pen | pen, fountain pen, stationery, gift | w=28; warrantyMonths=60
  A steel-nibbed pen that starts at once, even after a week in the drawer. It takes cartridges or
  the converter that comes in the box.
- Fine, Black | 42.00 | c=Black; nib=Fine | The fine nib writes small and dries quickly.
- Medium, Black | 42.00 | c=Black; nib=Medium | The medium nib lays down a smooth, confident line.
- Medium, Burgundy | 44.00 | c=Burgundy; nib=Medium | Burgundy resin with a gilt clip makes it a
    good present.
- Broad, Ivory | 44.00 | c=Ivory; nib=Broad | A broad nib and ivory barrel flatter a generous
    signature.
Deskarra | Stow Drawer Unit | storage, furniture, drawers | w=18500; warrantyMonths=60
  A steel pedestal on hidden castors that rolls under any desk. The top drawer has a tray for pens,
  and one key locks them all.
- 2 Drawers, White | 129.00 | c=White; drawers=2 | Two deep drawers take hanging files.
- 3 Drawers, White | 149.00 | c=White; drawers=3; w=20400 | Three drawers sort papers, cables and
    everything else.
- 3 Drawers, Sage | 154.00 | c=Sage; drawers=3; w=20400 | The sage finish looks as much like
    furniture as like an office.
- 3 Drawers with Seat Pad | 179.00 | c=Anthracite; drawers=3; w=21700 | A wool pad on top turns it
    into a spare seat for visitors.
Quorrel | Clarion Webcam | webcam, video call, computer | w=145; warrantyMonths=24
  A camera that keeps skin tones natural even with the window behind you. The lens cover slides
  shut with a click you can trust.
- 1080p | 59.90 | resolution=1080p; color=Black | The 1080p camera is all that daily calls need.
- 1440p | 84.90 | resolution=1440p; color=Black | Extra resolution leaves room to crop in on your
    face.
- 4K with Tripod | 139.00 | resolution=4K; w=420; color=Black | The 4K set adds a small tripod for
    showing what is on the bench.

# kitchen
Hearthlune | Glowstone Cast-Iron Casserole | casserole, cast iron, cookware | w=4700;
    warrantyMonths=300
  Heavy enamelled iron that browns on the hob and braises in the oven. Drops inside the lid return
  the steam evenly to the pot.
- 3.5 L, Brick Red | 109.00 | c=Brick Red; cap=3.5 L; w=4100 | The smaller pot is right for two or
    three people.
- 3.5 L, Slate | 109.00 | c=Slate; cap=3.5 L; w=4100 | Slate enamel outside and pale cream inside
    make browning easy to judge.
- 5.5 L, Brick Red | 149.00 | c=Brick Red; cap=5.5 L; w=5600 | Five and a half litres take a whole
    chicken.
- 5.5 L, Slate | 149.00 | c=Slate; cap=5.5 L; w=5600 | The family pot in slate moves from oven to
    table without looking out of place.
Hearthlune | Skarn Carbon-Steel Pan | frying pan, carbon steel, cookware | w=1500;
    warrantyMonths=300
  A pan that starts grey, turns black and gets better every week. It heats faster than iron, and
  nothing sticks once it is seasoned.
- 20 cm | 39.90 | s; w=980 | Twenty centimetres is the size for a two-egg omelette.
- 24 cm | 47.90 | s; w=1350 | The 24 cm pan is the one most kitchens use every day.
- 28 cm | 57.90 | s; w=1850 | The wide base sears four steaks without crowding.
- 28 cm with Lid | 74.90 | s=28 cm; w=2600 | A glass lid keeps splashes in and finishes thick cuts
    gently.
Brindlewick | Keeledge Chef's Knife | knife, chef's knife, cutlery | w=185; warrantyMonths=120
  A thin blade of stainless steel, ground by hand and balanced just ahead of the handle. It arrives
  sharp enough for tomatoes and takes a new edge easily.
- 16 cm, Ash | 64.90 | s=16 cm; handle=Ash; w=150 | The short blade suits small hands and small
    boards.
- 20 cm, Ash | 79.90 | s=20 cm; handle=Ash | Twenty centimetres will do nine tenths of the work in
    a kitchen.
- 20 cm, Walnut | 84.90 | s=20 cm; handle=Walnut; w=192 | The walnut handle is oiled and gently
    eight-sided.
- 24 cm, Walnut | 99.90 | s=24 cm; handle=Walnut; w=228 | The long blade makes easy work of squash
    and large joints.
Brindlewick | Long-Grain Cutting Board | chopping board, wood, kitchen | w=1900; warrantyMonths=24
  Solid wood with a groove that catches the juice and rubber feet that keep it still. Oil it now
  and then and it will outlive several knives.
- Small, Beech | 24.90 | s=Small; material=Beech; w=900 | The small beech board is for herbs,
    cheese and fruit.
- Large, Beech | 44.90 | s=Large; material=Beech; w=2700 | The large beech board leaves space for a
    roast.
- Small, Walnut | 36.90 | s=Small; material=Walnut; w=950 | Dark walnut makes it a handsome serving
    board as well.
- Large, Walnut | 69.90 | s=Large; material=Walnut; w=2850 | This large walnut board has handles
    cut into both ends.
Tamsko | Rondel Stovetop Espresso Maker | coffee, espresso, stovetop | w=560; warrantyMonths=36
  A stainless pot that makes strong coffee in five minutes on any hob, induction included. The
  spout pours cleanly and the gasket is easy to replace.
- 2 Cups | 26.90 | cap=2 cups; w=390 | Two small cups are right for one early riser.
- 4 Cups | 34.90 | cap=4 cups | The four-cup pot serves a couple who like seconds.
- 6 Cups | 42.90 | cap=6 cups; w=720 | Six cups are enough for the table after dinner.
Tamsko | Millrace Coffee Grinder | coffee, grinder, kitchen | w=720; warrantyMonths=36
  Steel burrs grind evenly from espresso to filter and leave hardly anything behind. The setting
  ring clicks, so you can find your place again.
- Hand, Black | 79.90 | c=Black; drive=Hand | The hand grinder fits in a rucksack and needs no
    socket.
- Hand, Copper | 89.90 | c=Copper; drive=Hand | A copper-plated body develops its own patina with
    use.
- Electric, Black | 149.00 | c=Black; drive=Electric; w=2900 | The electric version fills the
    basket in fifteen seconds.
- Electric with Scale | 219.00 | c=Black; drive=Electric; w=3300 | Its built-in scale stops at the
    exact gram you ask for.
Tamsko | Swanneck Electric Kettle | kettle, tea, appliance | w=1200; warrantyMonths=24
  A curved spout pours a thin, steady stream for filter coffee or tea. Choose the temperature to
  the degree and it will hold it for half an hour.
- 0.8 L, Matt Black | 74.90 | c=Matt Black; cap=0.8 L | The small kettle is quick to boil and light
    in the hand.
- 0.8 L, White | 74.90 | c=White; cap=0.8 L | White with a beech handle, it is nice enough to leave
    out.
- 1.2 L, Matt Black | 89.90 | c=Matt Black; cap=1.2 L; w=1450 | The larger jug makes a full pot of
    tea in one go.
- 1.2 L, Steel | 89.90 | c=Steel; cap=1.2 L; w=1450 | Brushed steel is the finish that forgives a
    busy kitchen.
Hearthlune | Dapple Stoneware Bowls | bowl, stoneware, tableware | w=1800
  Thrown-look bowls with a speckled glaze that is different on every piece. They go into the oven,
  the microwave and the dishwasher.
- Set of 4, Oat | 44.90 | c=Oat; packSize=4 | Four oat bowls are deep enough for noodles and soup.
- Set of 4, Tide Blue | 44.90 | c=Tide Blue; packSize=4 | Tide blue breaks to brown at the rim.
- Set of 6, Tide Blue | 62.90 | c=Tide Blue; packSize=6; w=2700 | With six, there are enough for
    guests and a spare in the cupboard.
Hearthlune | Larder Storage Jars | storage, glass, pantry | w=2100
  Borosilicate jars with oiled acacia lids that seal with a soft pop. They stack safely and show
  how much flour is left.
- Set of 3, 0.7 L | 27.90 | packSize=3; cap=0.7 L; w=1300 | Three small jars hold spices, tea and
    nuts.
- Set of 3, 1.4 L | 36.90 | packSize=3; cap=1.4 L | The 1.4-litre jars each take a kilo of rice.
- Set of 5, Mixed | 52.90 | packSize=5; cap=0.7–2 L; w=3200 | Five jars in three sizes put a whole
    shelf in order.
- Spaghetti Jar, 2 L | 18.90 | packSize=1; cap=2 L; w=980 | One tall jar keeps long pasta from
    breaking.
Brindlewick | Crumb Bakeware | baking, bakeware, cake | w=2300; warrantyMonths=60
  Tins of heavy aluminised steel that brown evenly and never warp with a bang. Rolled edges stay
  cool enough for a folded cloth.
- Loaf Tin, 900 g | 17.90 | s=900 g; w=480 | This is the tin for a proper sandwich loaf.
- Springform, 26 cm | 26.90 | s=26 cm; w=790 | The springform has a lip that keeps thin batter
    inside.
- Muffin Tray, 12 Cups | 22.90 | s=12 cups; w=860 | Twelve deep cups give muffins their round tops.
- Four-Piece Set | 69.90 | s=4 pieces | Loaf, springform, muffin and tray come nested in one box.
Tamsko | Whirl Stick Blender | blender, appliance, kitchen | w=980; warrantyMonths=36
  A blender with enough strength for frozen berries and a guard that does not scratch pans. The
  foot comes off with a twist and goes in the dishwasher.
- Basic, White | 44.90 | c=White; power=600 W | The basic set comes with a tall measuring beaker.
- Plus, White | 64.90 | c=White; power=800 W; w=1500 | Plus adds a whisk and a small chopper.
- Plus, Black | 64.90 | c=Black; power=800 W; w=1500 | It is the same generous set with a black
    grip.
- Cordless, Black | 99.90 | c=Black; power=200 W; w=1150 | The cordless model makes soup for six on
    one charge.

# outdoors
Fjellbrook | Skarv Trekking Tent | tent, camping, trekking | w=2600; warrantyMonths=36
  A three-season tent that one person can pitch in a headwind. Poles are colour-coded, seams are
  taped, and the porch keeps boots out of the rain.
- 1 Person, Green | 189.00 | c=Green; s=1 person; w=1450 | The solo tent packs down to the size of
    a water bottle and a half.
- 2 Person, Green | 249.00 | c=Green; s=2 person; w=2150 | Two doors mean that nobody has to climb
    over anyone.
- 2 Person, Rust | 249.00 | c=Rust; s=2 person; w=2150 | Rust is easy to find again on a misty
    hillside.
- 3 Person, Green | 319.00 | c=Green; s=3 person; w=2950 | The three-person tent gives two people
    and a dog real room.
Fjellbrook | Brume Down Sleeping Bag | sleeping bag, down, camping | w=980; warrantyMonths=60
  Traceable duck down in baffles that stop it wandering to your feet. The zip has a guard, so it
  runs without biting the lining.
- Summer, Regular | 159.00 | s=Regular; comfort=+8 °C; w=640 | The summer bag is comfortable down
    to eight degrees.
- 3-Season, Regular | 219.00 | s=Regular; comfort=0 °C | The three-season bag is warm at freezing
    point.
- 3-Season, Long | 234.00 | s=Long; comfort=0 °C; w=1070 | The long cut is for sleepers over 1.85
    metres.
- Winter, Regular | 329.00 | s=Regular; comfort=-12 °C; w=1480 | The winter bag has a draught
    collar for nights well below zero.
Fjellbrook | Tarn Sleeping Mat | sleeping mat, camping, insulated | w=620; warrantyMonths=36
  An insulated air mat that is quiet to turn over on and fills with ten breaths of the pump sack.
  The edges are raised slightly so that you stay in the middle.
- Regular | 89.90 | s=Regular; color=Petrol | The regular mat is 183 centimetres long.
- Wide | 104.90 | s=Wide; color=Petrol; w=760 | Extra width is worth it for anyone who sleeps on
    their side.
- Double | 179.00 | s=Double; color=Petrol; w=1340 | The double replaces two mats and the cold gap
    between them.
Kessawan | Ridge Daypack | rucksack, hiking, bag | w=820; warrantyMonths=60
  A rucksack with a sprung back panel and a lid pocket that you can reach while walking. The rain
  cover lives in the base, where you will not forget it.
- 18 L, Ochre | 74.90 | c=Ochre; cap=18 L; w=680 | Eighteen litres hold lunch, a jacket and a
    camera.
- 18 L, Charcoal | 74.90 | c=Charcoal; cap=18 L; w=680 | Charcoal looks at home on the morning
    train too.
- 28 L, Ochre | 94.90 | c=Ochre; cap=28 L; w=940 | The larger pack has room for a night in a hut.
- 28 L, Charcoal | 94.90 | c=Charcoal; cap=28 L; w=940 | It adds hip pockets and a loop for walking
    poles in dark grey.
Kessawan | Cairn Trekking Poles | trekking poles, hiking, walking | w=460; warrantyMonths=36
  Three-part poles with cork grips and levers that hold when your whole weight is on them. They
  come as a pair with rubber feet for hard paths.
- Aluminium | 59.90 | material=Aluminium; color=Silver; w=510 | Aluminium bends before it breaks
    and costs less.
- Carbon | 99.90 | material=Carbon; color=Black; w=390 | Carbon saves more than a hundred grams on
    the pair.
- Carbon, Folding | 129.00 | material=Carbon; color=Black; w=420 | The folding pair collapses to 37
    centimetres for the plane.
Dunmarrow | Tinder Camping Stove | stove, camping, cooking | w=310; warrantyMonths=36
  A gas stove with folding legs that stand firm on grass or rock. The flame goes down low enough to
  simmer rice without burning it.
- Solo | 39.90 | burners=1; w=95 | The solo burner weighs less than a bar of chocolate.
- Remote Hose | 69.90 | burners=1 | With the canister beside it, the pot sits low and stable.
- Pot Set, 1 L | 94.90 | burners=1; cap=1 L; w=480 | The clip-on pot boils half a litre in under
    two minutes.
- Double Burner | 119.00 | burners=2; w=3900 | Two burners in a carrying case cook for the family
    at the pitch.
Dunmarrow | Fathom Insulated Bottle | bottle, insulated, drinkware | w=360; warrantyMonths=120
  Double-walled steel keeps tea hot until evening and water cold for a day. The lid opens with one
  hand and does not drip in the bag.
- 0.5 L, Sand | 27.90 | c=Sand; cap=0.5 L; w=290 | Half a litre fits the side pocket of a school
    bag.
- 0.5 L, Pine | 27.90 | c=Pine; cap=0.5 L; w=290 | Pine green has a rough powder coat that grips
    when wet.
- 0.75 L, Sand | 33.90 | c=Sand; cap=0.75 L; w=370 | The middle size is enough for an afternoon on
    the hill.
- 1 L, Pine | 38.90 | c=Pine; cap=1 L; w=450 | A full litre comes with a cup that screws over the
    lid.
Dunmarrow | Glim Head Torch | head torch, light, camping | w=82; warrantyMonths=36
  A rechargeable lamp with a wide beam for camp and a long one for the path. The button is big
  enough for gloves, and a lock stops it waking in the pack.
- 300 lm | 32.90 | brightness=300 lm; color=Black | Three hundred lumens will see you along any
    footpath.
- 600 lm | 52.90 | brightness=600 lm; color=Black; w=98 | The brighter lamp is made for running
    after dark.
- 1,000 lm | 84.90 | brightness=1,000 lm; color=Orange; w=164 | A battery at the back of the head
    balances the thousand-lumen beam.
- Kids, 80 lm | 19.90 | brightness=80 lm; color=Yellow; w=55 | The children's lamp is dimmer, so
    nobody gets dazzled in the tent.
Kessawan | Harbour Dry Bag | dry bag, waterproof, paddling | w=190; warrantyMonths=24
  A roll-top sack with welded seams that floats when it goes overboard. A clear strip down the side
  shows where the dry socks are.
- 5 L, Yellow | 17.90 | c=Yellow; cap=5 L; w=110 | Five litres keep a phone, keys and lunch dry.
- 10 L, Yellow | 22.90 | c=Yellow; cap=10 L | Ten litres hold a change of clothes.
- 20 L, Blue | 29.90 | c=Blue; cap=20 L; w=280 | The 20-litre bag has a shoulder strap for the walk
    to the water.
- 40 L, Blue | 44.90 | c=Blue; cap=40 L; w=520 | Two padded straps make the largest one a rucksack.
Dunmarrow | Lull Camping Hammock | hammock, camping, garden | w=540; warrantyMonths=24
  Soft parachute cloth with triple seams and a pocket that becomes its own bag. Broad tree straps
  are included and leave the bark unharmed.
- Single, Lagoon | 39.90 | c=Lagoon; s=Single | The single hammock carries 150 kilograms.
- Double, Lagoon | 54.90 | c=Lagoon; s=Double; w=720 | The double is wide enough to lie across,
    which is how hammocks are meant to be used.
- Double, Ember | 54.90 | c=Ember; s=Double; w=720 | Ember orange stripes brighten a grey campsite.
- With Insect Net | 79.90 | c=Olive; s=Single; w=890 | A zipped net makes summer nights by the lake
    possible.
Fjellbrook | Perch Camp Chair | chair, camping, furniture | w=1450; warrantyMonths=36
  A chair that unfolds from a bag the length of a forearm and holds 130 kilograms. Wide feet stop
  it sinking into sand.
- Low, Grey | 69.90 | c=Grey; w=980 | The low seat is the lightest and suits the beach.
- High, Grey | 94.90 | c=Grey | The higher back supports your shoulders by the fire.
- High, Clay | 94.90 | c=Clay | Clay canvas ages well in the sun.
- Rocking, Clay | 119.00 | c=Clay; w=2100 | Curved runners turn the high chair into a rocker.

# books
Fennick & Rowe | The Salt Road Home | novel, fiction, historical | author=Ilse Varrendahl;
    pages=412; w=340
  In 1911 a salt merchant's daughter walks the length of a closing frontier to bring back her
  brother's letters. Ilse Varrendahl's novel is as much about what people carry as about where they
  go.
- Hardback | 24.00 | format; w=610 | The cloth-bound hardback has a printed map inside the cover.
- Paperback | 12.99 | format | The paperback includes an essay by the author on her sources.
- Large Print | 18.50 | format; w=580 | Set in sixteen-point type on cream paper, this edition is
    easy on the eyes.
- Audiobook on CD | 26.00 | format; w=220 | Read by Maren Tolk, the unabridged recording runs for
    thirteen hours.
Fennick & Rowe | Nine Minutes to Ardholm | novel, crime, mystery | author=Tobias Ferrant;
    pages=356; w=300
  A night train stops in a tunnel, and when the lights come back a passenger has gone. Inspector
  Lund has until the next station to find out who was never on board.
- Hardback | 22.00 | format; w=540 | The first edition hardback has black sprayed edges.
- Paperback | 10.99 | format | The paperback contains the opening chapter of the next Lund case.
- Large Print | 17.50 | format; w=520 | The large-print edition keeps the pace and loses the
    squinting.
- Audiobook on CD | 24.00 | format; w=210 | Two narrators share the ten-hour recording.
Ninth Harbour Press | A Field Guide to Slow Weather | essays, nature, non-fiction | author=Oona
    Breckett; pages=228; w=260
  Twelve essays about fog, drizzle and long heat from a meteorologist who prefers to go outside and
  look. Oona Breckett explains the science and never loses the wonder.
- Hardback | 20.00 | format; w=430 | Cloud sketches by the author fill the endpapers of the
    hardback.
- Paperback | 11.99 | format | The pocketable paperback is made to be taken on walks.
- Illustrated Edition | 34.00 | format; w=890 | Eighty photographs of skies accompany the full
    text.
Ninth Harbour Press | The Patient Gardener's Year | gardening, non-fiction, reference |
    author=Wendel Osgrove; pages=304; w=720
  Week by week, what to sow, what to cut and what to leave well alone. Wendel Osgrove writes for
  small plots, heavy soil and people with jobs.
- Hardback | 27.50 | format; w=980 | The hardback has a wipe-clean cover for muddy hands.
- Paperback | 18.99 | format | The paperback folds open flat on the potting bench.
- Gift Edition with Seeds | 36.00 | format; w=1120 | Six packets of flower seeds are tucked into
    the slipcase.
- Spiral-Bound Journal | 16.00 | format=Spiral; w=410 | The companion journal leaves room for your
    own notes over five years.
Ninth Harbour Press | Bread Before Noon | cookbook, baking, non-fiction | author=Paloma Ruiz
    Etxarte; pages=272; w=850
  Sixty loaves that are mixed at night and eaten at breakfast, with no machine and no special
  flour. Every recipe has a timetable, a photograph and a way back when things go wrong.
- Hardback | 29.00 | format; w=1150 | A sewn binding stays open at the page you are baking from.
- Paperback | 19.99 | format | The paperback has the complete recipes at a lighter price.
- Gift Edition with Scraper | 38.00 | format; w=1320 | A steel dough scraper in the box completes
    the present.
Fennick & Rowe | Letters to a Younger Engineer | engineering, careers, non-fiction | author=Henrike
    Aldous; pages=196; w=230
  Twenty-four short letters on mistakes, meetings, bridges and knowing when to stop. Henrike Aldous
  spent forty years in practice and wastes no words.
- Hardback | 19.50 | format; w=390 | The small-format hardback is a fitting graduation present.
- Paperback | 11.50 | format | The paperback is short enough to lend and cheap enough not to get
    back.
- Audiobook on CD | 18.00 | format; w=150 | Aldous reads her own letters in five unhurried hours.
- Box of 5 Paperbacks | 49.00 | format=Paperback; packSize=5; w=1180 | Five copies in a box are
    meant for a new team.
Little Quillow | Bruno and the Borrowed Moon | picture book, children, bedtime | author=Sanna
    Oriveld; pages=32; w=330
  A small bear borrows the moon for one night and has to explain himself to the owls. Sanna
  Oriveld's pictures are full of things to find long after the story is known by heart.
- Hardback | 14.99 | format; w=420 | The large hardback is best for reading side by side.
- Paperback | 7.99 | format; w=190 | The paperback travels easily in a child's rucksack.
- Board Book | 8.99 | format; w=360 | Rounded corners and thick pages survive the youngest readers.
- Gift Box with Soft Toy | 27.99 | format=Hardback; w=640 | A knitted Bruno sits beside the book in
    the box.
Little Quillow | The Lighthouse Club | children, adventure, fiction | author=Desmond Achterly;
    pages=214; w=220
  Four cousins, one locked lighthouse and a summer in which it never quite gets dark. It is an
  old-fashioned adventure for readers from about eight.
- Book 1: The Green Lamp | 7.99 | format=Paperback | In the first book the cousins find a lamp that
    should not be burning.
- Book 2: The Drowned Bell | 7.99 | format=Paperback; pages=232 | In the second a bell rings under
    the water on still nights.
- Book 3: The Last Keeper | 8.49 | format=Paperback; pages=268; w=260 | The third tells what really
    happened to the keeper.
- Books 1–3, Boxed Set | 21.99 | format=Paperback; pages=714; w=740 | All three come in a card
    slipcase shaped like a tower.
Little Quillow | Big Questions, Small Experiments | children, science, activity book | author=Noor
    Hadjivar; pages=96; w=410
  Fifty experiments with things from the kitchen drawer, each starting from a question a child
  might ask. Noor Hadjivar says what should happen and why it sometimes does not.
- Hardback | 16.99 | format; w=560 | The hardback has an elastic band and a pencil loop.
- Paperback | 11.99 | format | The paperback has perforated pages for recording results.
- Kit with Lab Tools | 29.99 | format=Kit; w=1240 | Beakers, pipettes and a magnifier let you begin
    straight away.
Ninth Harbour Press | An Atlas of Forgotten Ferries | travel, maps, history, non-fiction |
    author=Lucan Perivale; pages=248; w=1100
  Eighty crossings that used to matter, drawn on new maps and told through the people who ran them.
  Lucan Perivale travelled to every one that still has a landing.
- Hardback | 35.00 | format; w=1480 | Fold-out charts make the hardback a pleasure to spread on the
    floor.
- Paperback | 22.00 | format | The flexible paperback is the one to take along.
- Collector's Edition | 79.00 | format=Slipcase; w=2050 | Each collector's copy is numbered and
    comes with a letterpress print.
- Wall Map, Folded | 14.00 | format=Map; pages=1; w=140 | The companion map shows all eighty routes
    on one sheet.
Fennick & Rowe | The Quiet Ledger | business, finance, non-fiction | author=Amadou Kessler;
    pages=264; w=310
  How small firms stay solvent by looking at four numbers every Friday. Amadou Kessler was a
  bookkeeper before he was a writer, and it shows in the best way.
- Hardback | 23.00 | format; w=520 | The hardback includes blank ledgers to copy.
- Paperback | 13.99 | format | The paperback has a new chapter on seasonal trade.
- Workbook | 15.99 | format=Workbook; pages=120; w=380 | The workbook leads through a whole year of
    Fridays.
- Hardback and Workbook | 34.00 | format=Set; pages=384; w=900 | The two together cost less than
    they do apart.

# toys-games
Tumblewick | Timber Town Building Blocks | blocks, wooden toy, building | ageFrom=2; w=2400
  Smooth beech blocks with arches, roofs and columns that fit one another to the millimetre.
  Water-based colours are safe even for towns that get chewed.
- 40 Pieces | 29.90 | pieces=40; w=1300 | Forty pieces are enough for a house, a bridge and a
    disagreement.
- 80 Pieces | 49.90 | pieces=80; w=2500 | Eighty pieces build a proper street.
- 120 Pieces | 69.90 | pieces=120; w=3700 | The largest set arrives in a rolling crate that is part
    of the game.
- 60 Pieces, Natural | 39.90 | pieces=60; w=1900; color=Natural | The uncoloured blocks are simply
    waxed and left to the imagination.
Tumblewick | Clatter Railway | train set, wooden toy, vehicles | ageFrom=3; w=2800
  A wooden railway with couplings that hold on curves and let go when they should. The track joins
  up with other wooden systems you may already own.
- Starter Oval | 34.90 | pieces=22; w=1500 | The starter set makes an oval with one tunnel and a
    station.
- Mountain Line | 64.90 | pieces=48 | A spiral climb and a crane make up the Mountain Line.
- Harbour Line | 74.90 | pieces=56; w=3300 | The Harbour Line adds a ferry that carries two
    carriages.
- Extra Track Pack | 24.90 | pieces=24; w=1100 | Twenty-four more pieces of track include two sets
    of points.
Oodlekin | Marlow Soft Animal | soft toy, plush, baby | ageFrom=0; w=240
  A floppy friend with an embroidered face and nothing that can come off. It goes in the washing
  machine at thirty degrees and comes out itself again.
- Hare, Small | 17.90 | s=Small; color=Grey; w=140 | The little hare has ears that are just right
    for holding.
- Hare, Large | 32.90 | s=Large; color=Grey; w=420 | The large hare is nearly as long as a toddler.
- Otter, Small | 17.90 | s=Small; color=Brown; w=150 | The small otter carries a removable felt
    pebble on a stitched strap.
- Whale, Large | 36.90 | s=Large; color=Blue; w=510 | The large whale doubles as a cushion for
    story time.
Marrowby Games | Orchard Raiders | board game, family game, strategy | ageFrom=8; players=2–5;
    w=1100
  Send foxes, crows and one clever badger to pick the orchard before the farmer gets up. The rules
  take five minutes, and a game lasts about forty.
- Base Game | 34.90 | edition=Base | The base game is complete for two to five players.
- Night Harvest Expansion | 19.90 | edition=Expansion; w=480 | Night Harvest brings lanterns, owls
    and a sixth player.
- Card Edition | 12.90 | edition=Card; w=190 | The card edition is a quicker cousin for the café
    table.
- Deluxe Box | 69.90 | edition=Deluxe; w=2300 | The deluxe box has wooden animals and both maps.
Marrowby Games | Signal Fires | board game, cooperative, strategy | ageFrom=12; players=1–4; w=1600
  Light the beacons along a stormy coast before the fleet is lost; you win or drown together. Each
  evening plays differently because the tide deck remembers.
- Base Game | 44.90 | edition=Base | The base box has eight scenarios in rising difficulty.
- Winter Coast Expansion | 26.90 | edition=Expansion; w=700 | Ice, dogs and a new island come with
    the Winter Coast.
- Complete Collection | 64.90 | edition=Collection; w=2200 | Base game and expansion share one
    sturdy box here.
Marrowby Games | Panorama Jigsaw | jigsaw, puzzle, family game | w=900
  Thick linen-finish pieces that click and do not shine under the lamp. The cutting is irregular,
  so no two pieces are alike.
- Harbour at Dawn, 500 Pieces | 16.90 | pieces=500; w=620 | The painted harbour is a good puzzle
    for a rainy Sunday.
- Night Market, 1,000 Pieces | 21.90 | pieces=1000 | A market full of lanterns gives every corner
    something to find.
- Herbarium, 1,000 Pieces | 21.90 | pieces=1000 | Sixty pressed plants are labelled in a fine old
    hand.
- The Great Library, 2,000 Pieces | 32.90 | pieces=2000; w=1650 | Two thousand pieces of book
    spines will test the whole household.
Oodlekin | Paintbox Finger Paints | art, paint, creative | ageFrom=2; w=780
  Thick plant-based colours that wash out of clothes and off most walls. The pots have wide lids
  that small hands can open, for better or worse.
- 4 Colours | 12.90 | colours=4; w=560 | Red, yellow, blue and white mix to everything else.
- 8 Colours | 21.90 | colours=8; w=1080 | Eight colours save the mixing and add a good brown.
- 8 Colours with Apron | 29.90 | colours=8; w=1260 | A long-sleeved apron is the most useful thing
    in this set.
Tumblewick | Greengrocer's Play Stall | role play, wooden toy, pretend play | ageFrom=3; w=8200
  Everything for a market day at home, in smooth birch and bright felt. The stall, the till and the
  crates go together or stand alone.
- Stall Only | 89.90 | pieces=1 | The stall has a striped awning and a blackboard, and packs flat
    when trade is slow.
- Stall with 30 Vegetables | 119.00 | pieces=31; w=9400 | Thirty felt vegetables make sure there is
    something to sell.
- Till and Scales | 39.90 | pieces=14; w=1300 | The wooden till rings, and the scales really
    balance.
- Fruit Crate, 18 Pieces | 24.90 | pieces=18; w=850 | Eighteen wooden fruits come in a slatted
    crate.
Oodlekin | Comet Balance Bike | balance bike, ride-on, outdoor play | ageFrom=2; w=3900;
    warrantyMonths=24
  A light aluminium frame with a step-through low enough for first riders. Puncture-proof tyres and
  a steering limit forgive early enthusiasm.
- 10 Inch, Red | 79.90 | c=Red; s=10 inch; w=3300 | The ten-inch wheels fit children from about two
    years.
- 10 Inch, Mint | 79.90 | c=Mint; s=10 inch; w=3300 | Mint green with a tan saddle is the quiet
    choice.
- 12 Inch, Red | 99.90 | c=Red; s=12 inch | Twelve-inch wheels and a hand brake suit children from
    three.
- 12 Inch, Mint | 99.90 | c=Mint; s=12 inch | The bigger bike in mint has a bell that can be heard
    two streets away.
Oodlekin | Skylark Kite | kite, outdoor play, beach | ageFrom=5; w=210; warrantyMonths=12
  A kite that goes up in a light breeze and stays there while you eat an ice cream. Spars are
  fibreglass, and the line comes on a proper winder.
- Diamond, Rainbow | 16.90 | c=Rainbow; lines=1 | The classic diamond has a tail three metres long.
- Delta, Swallow | 24.90 | c=Navy; lines=1; w=290 | The swallow-shaped delta hardly needs any wind.
- Stunt, Two-Line | 39.90 | c=Orange; lines=2; w=430 | Two lines let older children fly loops and
    dives.
Marrowby Games | Pocket Conjurer Magic Set | magic, creative, gift | ageFrom=7; w=620
  Tricks that work in children's hands, explained in pictures and rehearsed in steps. Everything
  packs back into a velvet-lined tin.
- 25 Tricks | 19.90 | tricks=25 | Twenty-five tricks are a good evening's show.
- 75 Tricks | 34.90 | tricks=75; w=1150 | Seventy-five tricks include cups, ropes and a vanishing
    box.
- Card Magic | 14.90 | tricks=20; w=230 | A marked deck and twenty routines are all about cards.
- Deluxe with Top Hat | 54.90 | tricks=100; w=1900 | The hat folds flat and has the pocket you
    would expect.

# garden
Yarrowfen | Trusty Hand Trowel | trowel, hand tool, gardening | w=260; warrantyMonths=120
  A forged trowel with a blade that does not bend in clay and a handle that fills the palm. Depth
  marks show how far down the bulbs should go.
- Stainless, Ash | 18.90 | material=Stainless steel; handle=Ash | Stainless steel slips cleanly
    through wet soil.
- Carbon Steel, Ash | 22.90 | material=Carbon steel; handle=Ash; w=310 | Carbon steel takes an edge
    and cuts through roots.
- Narrow, Ash | 18.90 | material=Stainless steel; handle=Ash; w=220 | The narrow blade is for
    weeding between close rows.
- Set with Fork | 36.90 | material=Stainless steel; handle=Ash; w=540 | Trowel and fork come tied
    together in a canvas roll.
Yarrowfen | Clipwell Secateurs | secateurs, pruning, hand tool | w=230; warrantyMonths=120
  Bypass blades that make a clean cut which heals quickly. Every part can be unscrewed, sharpened
  and replaced.
- Small | 32.90 | s=Small; color=Red; w=190 | The small pair is for hands that find most secateurs
    too wide.
- Medium | 36.90 | s=Medium; color=Red | The medium pair cuts stems up to two centimetres.
- Left-Handed | 39.90 | s=Medium; color=Green | A true left-handed grip puts the blade on the side
    you can see.
- Medium with Holster | 49.90 | s=Medium; color=Red; w=340 | The leather holster saves looking for
    them in the hedge.
Yarrowfen | Downpour Watering Can | watering can, watering, gardening | w=980; warrantyMonths=36
  A long-reach can that balances whether it is full or nearly empty. The brass rose turns over for
  a soft shower or a steady flow.
- 3 L, Galvanised | 29.90 | cap=3 L; color=Zinc; w=780 | Three litres are right for seedlings and
    window boxes.
- 5 L, Galvanised | 37.90 | cap=5 L; color=Zinc | Five litres make a comfortable load for most
    arms.
- 5 L, Dark Green | 39.90 | cap=5 L; color=Dark Green | The dark green enamel is baked on over the
    zinc.
- 9 L, Galvanised | 49.90 | cap=9 L; color=Zinc; w=1500 | Nine litres mean fewer trips to the water
    butt.
Plotherd | Meander Garden Hose | hose, watering, gardening | w=3400; warrantyMonths=120
  A kink-resistant hose of five layers that stays flexible on frosty mornings. Brass couplings fit
  the common taps and sprinklers.
- 15 m | 34.90 | s; w=2500; color=Green | Fifteen metres reach round a terrace and its beds.
- 25 m | 49.90 | s; w=4100; color=Green | The 25 m hose is the usual length for a town garden.
- 50 m | 84.90 | s; w=8200; color=Green | Fifty metres reach the far end of an allotment.
- 25 m on Reel | 119.00 | s=25 m; w=9300; color=Grey | The wall reel winds itself up slowly and
    stops where you let go.
Plotherd | Sunhouse Cold Frame | cold frame, greenhouse, seedlings | w=7600; warrantyMonths=36
  Larch boards and twin-wall glazing bring the season forward by a month. The lids prop at three
  heights and lift off altogether in June.
- 60 × 80 cm | 79.90 | s | The single-lid frame fits on a balcony.
- 100 × 80 cm | 109.00 | s; w=11200 | The metre-wide frame takes four standard trays.
- 100 × 80 cm, Automatic | 149.00 | s=100 × 80 cm; w=12100 | A wax cylinder opens the lid by itself
    when the sun comes out.
Plotherd | Terrace Planter | planter, pot, terrace | w=4200; warrantyMonths=60
  A double-walled planter with a hidden reservoir that waters for up to two weeks. It shrugs off
  frost and is light enough to move when the sun does.
- 30 cm, Clay | 34.90 | c=Clay; s=30 cm; w=2600 | Thirty centimetres are enough for herbs or a
    small rose.
- 30 cm, Stone | 34.90 | c=Stone; s=30 cm; w=2600 | The stone finish is brushed by hand to look
    weathered.
- 50 cm, Clay | 69.90 | c=Clay; s=50 cm; w=6300 | The large planter gives a lemon tree room for
    years.
- 50 cm, Stone | 69.90 | c=Stone; s=50 cm; w=6300 | Two of these in stone frame a doorway well.
Greaveling | Meadow Seed Mix | seeds, flowers, wildlife | w=60
  Untreated seed from regional growers, with sowing notes that admit what can go wrong. What comes
  up feeds bees from April until the first frost.
- Annual, 10 m² | 9.90 | covers=10 m² | The annual mix flowers in its first summer.
- Perennial, 10 m² | 12.90 | covers=10 m² | The perennial mix takes a year to settle and then
    returns.
- Shade, 10 m² | 13.90 | covers=10 m² | Foxglove and campion do the work under trees.
- Annual, 50 m² | 36.90 | covers=50 m²; w=290 | The large bag turns a strip of lawn into a meadow.
Greaveling | Kitchen Garden Seed Box | seeds, vegetables, gift | w=180
  A tin of open-pollinated seed, chosen so that something is ready in every month. Wooden labels
  and a sowing wheel are included.
- Salads | 19.90 | packets=8 | Eight salad leaves can be cut again and again.
- Tomatoes and Peppers | 22.90 | packets=8 | Eight sun-lovers are sorted from the earliest to the
    latest.
- Children's Garden | 18.90 | packets=6 | Fast, large-seeded plants reward impatient gardeners.
- Year-Round, 20 Packets | 44.90 | packets=20; w=360 | Twenty packets plan the whole vegetable bed
    for you.
Greaveling | Wormwise Compost Bin | compost, recycling, gardening | w=9800; warrantyMonths=120
  A well-aired bin that turns peelings into soil without smelling. The hatch at the bottom opens
  wide enough for a shovel.
- 220 L, Green | 64.90 | c=Green; cap=220 L | The 220-litre bin keeps up with a couple and a small
    lawn.
- 340 L, Green | 84.90 | c=Green; cap=340 L; w=13200 | The larger bin takes the autumn leaves as
    well.
- 340 L, Black | 84.90 | c=Black; cap=340 L; w=13200 | Black warms up faster in spring.
- Tumbler, 160 L | 129.00 | c=Black; cap=160 L; w=11500 | Turning the drum twice a week gives
    compost in two months.
Greaveling | Chirrup Bird Feeder | bird feeder, wildlife, birds | w=640; warrantyMonths=36
  A sturdy feeder that comes apart for cleaning without tools. The perches are spaced for small
  birds, and the lid baffles most squirrels.
- Seed, Small | 19.90 | s=Small; color=Copper; w=420 | The small seed tube hangs happily outside a
    window.
- Seed, Large | 29.90 | s=Large; color=Copper | The large one needs filling only once a week in
    winter.
- Thistle Seed | 22.90 | s=Small; color=Sage; w=430 | Fine slots hold the tiny seeds that
    goldfinches prefer.
- Ground Table | 34.90 | s=Large; color=Oak; w=1700 | The low table is for robins, blackbirds and
    thrushes.
Yarrowfen | Rootmate Kneeler | kneeler, gardening, comfort | w=1300; warrantyMonths=24
  Thick foam under waxed canvas spares the knees on gravel and frost. Sewn-in handles make it easy
  to carry from bed to bed.
- Pad, Olive | 19.90 | c=Olive; w=380 | The simple pad rolls up under one arm.
- Pad, Mustard | 19.90 | c=Mustard; w=380 | Mustard canvas is hard to leave behind in the border.
- Kneeler Seat | 54.90 | c=Olive; w=4200 | Its steel frame helps on the way up and, turned over,
    becomes a low bench.

# bed-bath
Linnesk | Stonewashed Linen Duvet Cover | bedding, linen, duvet cover | w=1400; warrantyMonths=24
  European flax, washed until it is soft on the first night and better on the hundredth. Coconut
  buttons and inside ties keep everything in its place.
- Single, Chalk | 109.00 | c=Chalk; s=Single; w=1050 | The single cover in chalk brightens a small
    room.
- Single, Fog | 109.00 | c=Fog; s=Single; w=1050 | Fog is a grey with a touch of blue in it.
- Double, Chalk | 159.00 | c=Chalk; s=Double; w=1700 | The double in chalk goes with any pillowcase
    you own.
- Double, Rust | 164.00 | c=Rust; s=Double; w=1700 | Rust is dyed in small batches and varies a
    little, like leaves.
Linnesk | Percale Fitted Sheet | bedding, cotton, sheet | w=620; warrantyMonths=24
  Crisp organic cotton with deep corners that hold on to thick mattresses. Broad elastic runs all
  the way round, so it stays flat.
- 90 × 200 cm, White | 34.90 | c=White; s=90 × 200 cm | The single sheet suits children's and guest
    beds.
- 140 × 200 cm, White | 42.90 | c=White; s=140 × 200 cm; w=840 | At 140 centimetres it fits the
    usual small double.
- 180 × 200 cm, White | 52.90 | c=White; s=180 × 200 cm; w=1040 | The wide sheet spans two
    mattresses without a dip.
- 180 × 200 cm, Pale Blue | 54.90 | c=Pale Blue; s=180 × 200 cm; w=1040 | Pale blue keeps its
    colour through sixty-degree washes.
Softhollow | Cirrus Pillow | pillow, bedding, sleep | w=780; warrantyMonths=36
  A pillow in two layers, so you can take one out until the height is right. The cotton cover
  breathes, and the whole thing can be washed.
- Soft, 40 × 80 cm | 44.90 | firmness=Soft; s=40 × 80 cm | The soft filling is made for people who
    sleep on their front.
- Medium, 40 × 80 cm | 44.90 | firmness=Medium; s=40 × 80 cm; w=860 | The medium filling suits most
    back sleepers.
- Firm, 40 × 80 cm | 47.90 | firmness=Firm; s=40 × 80 cm; w=940 | A firm core keeps the neck level
    for side sleepers.
Softhollow | Featherlane Duvet | duvet, bedding, sleep | w=1500; warrantyMonths=60
  Even warmth from corner to corner, stitched in squares so that nothing slides down. The cover is
  finely woven and does not rustle.
- Summer, Single | 89.90 | season=Summer; s=Single; w=780 | The summer duvet is barely there on hot
    nights.
- All-Season, Single | 129.00 | season=All-season; s=Single | Two layers button together for winter
    and come apart in spring.
- All-Season, Double | 189.00 | season=All-season; s=Double; w=2400 | The double gives both
    sleepers their share.
- Winter, Double | 209.00 | season=Winter; s=Double; w=2900 | The winter double is for unheated
    bedrooms and open windows.
Ommerly | Waffle Bath Towel | towel, cotton, bathroom | w=380; warrantyMonths=12
  A waffle weave that drinks up water, dries on the rail by noon and takes up little room in the
  cupboard. It gets softer for the first five washes.
- Hand, Ivory | 14.90 | c=Ivory; s=50 × 90 cm; w=190 | The hand towel has a loop at both ends.
- Bath, Ivory | 27.90 | c=Ivory; s=70 × 140 cm | The ivory bath towel looks at home in any
    bathroom.
- Bath, Eucalyptus | 27.90 | c=Eucalyptus; s=70 × 140 cm | Eucalyptus is a dusty green that
    flatters white tiles.
- Sheet, Eucalyptus | 39.90 | c=Eucalyptus; s=100 × 160 cm; w=620 | The bath sheet wraps round
    twice.
Ommerly | Plush Bath Mat | bath mat, cotton, bathroom | w=900; warrantyMonths=12
  A thick cotton mat with long loops and a backing that grips wet floors. It can be tumble-dried
  without going flat.
- Small, White | 22.90 | c=White; s=50 × 70 cm; w=650 | The small mat fits in front of a shower.
- Large, White | 32.90 | c=White; s=60 × 100 cm; w=1100 | The large white mat lies alongside a
    full-length bath.
- Large, Graphite | 32.90 | c=Graphite; s=60 × 100 cm; w=1100 | Graphite is kind to families with
    muddy feet.
Ommerly | Lagoon Bathrobe | bathrobe, cotton, loungewear | w=1150; warrantyMonths=24
  A robe with real pockets, a collar that stands up and a belt that stays tied. Looped inside and
  smooth outside, it dries you without looking like a towel.
- S/M, Ivory | 69.90 | c=Ivory; s=S/M; w=1050 | Ivory in S/M ends at the knee for most wearers.
- L/XL, Ivory | 69.90 | c=Ivory; s=L/XL; w=1250 | The L/XL cut has longer sleeves with deep cuffs.
- S/M, Navy | 72.90 | c=Navy; s=S/M; w=1050 | Navy with a white cord edge is the dressier of the
    two.
- L/XL, Navy | 72.90 | c=Navy; s=L/XL; w=1250 | It is roomy, dark and long enough for tall people.
Ommerly | Tidepool Soap Set | soap, skincare, gift | w=300
  Bars cured for six weeks from olive oil and shea, with nothing that harms a river. They last
  about a month each if kept dry between showers.
- Rosemary, 3 Bars | 16.90 | scent=Rosemary; packSize=3 | Rosemary and mint wake you up.
- Fig, 3 Bars | 16.90 | scent=Fig; packSize=3 | Green fig smells of leaves rather than jam.
- Unscented, 3 Bars | 15.90 | scent=None; packSize=3 | The unscented bars are for sensitive skin
    and small children.
- Mixed Box, 6 Bars | 29.90 | scent=Mixed; packSize=6; w=620 | Six different bars in a printed box
    make an easy present.
Softhollow | Ebb Weighted Blanket | blanket, sleep, wellness | w=6000; warrantyMonths=36
  Glass beads sewn into small pockets press down gently and evenly. The outer cover comes off for
  the wash.
- 5 kg, Grey | 89.90 | c=Grey; s=5 kg; w=5200 | Five kilograms suit sleepers of around fifty.
- 7 kg, Grey | 99.90 | c=Grey; s=7 kg; w=7200 | Seven kilograms are the usual choice for adults.
- 7 kg, Plum | 99.90 | c=Plum; s=7 kg; w=7200 | The plum cover has a velvety side for winter.
- 9 kg, Grey | 114.90 | c=Grey; s=9 kg; w=9200 | Nine kilograms are for those who like to be firmly
    tucked in.
Linnesk | Herringbone Wool Throw | throw, wool, blanket, living room | w=950; warrantyMonths=24
  Woven from undyed and recycled wool in a mill that has done little else for a century. It is warm
  without being heavy, and the fringe is knotted by hand.
- Oat | 79.90 | c | Oat is the natural colour of the fleece.
- Charcoal | 79.90 | c | Charcoal comes from the darkest sheep, not from dye.
- Moss | 84.90 | c | Moss green brings the garden to the sofa.
- Large, Oat | 119.00 | c=Oat; s=Large; w=1500 | The large throw covers a double bed to the edges.
Softhollow | Amberlight Scented Candle | candle, home fragrance, gift | w=420
  Rapeseed wax and a cotton wick burn cleanly, without soot on the shelf. The glass is heavy enough
  to become a tumbler afterwards.
- Cedar and Smoke | 24.90 | scent=Cedar and smoke | Cedar and smoke smell like a hut with the stove
    lit.
- Fresh Linen | 24.90 | scent=Fresh linen | Fresh linen is light, cool and never sweet.
- Orange and Clove | 24.90 | scent=Orange and clove | Orange and clove belong to the dark months.
- Trio of Minis | 29.90 | scent=Mixed; packSize=3; w=480 | Three small candles let you try all the
    scents.

# sports-fitness
Strivane | Groundwork Yoga Mat | yoga, mat, fitness | w=1900; warrantyMonths=24
  Natural rubber with a dry, grippy surface that holds on when hands get damp. It lies flat from
  the first unrolling and smells of nothing after a day.
- 3 mm, Slate | 44.90 | c=Slate; s=3 mm; w=1500 | Three millimetres keep you close to the floor for
    balance work.
- 5 mm, Slate | 54.90 | c=Slate; s=5 mm; w=2400 | Five millimetres are kinder to knees and wrists.
- 5 mm, Terracotta | 54.90 | c=Terracotta; s=5 mm; w=2400 | The terracotta mat is printed with fine
    alignment lines.
- Travel, Plum | 39.90 | c=Plum; s=1.5 mm; w=920 | The travel mat folds like a towel and goes in
    hand luggage.
Kettlemoor | Cast Kettlebell | kettlebell, weights, strength | w=12000; warrantyMonths=120
  Cast in one piece with a smooth powder coat that takes chalk well. The base is ground flat, so it
  neither rocks nor scratches.
- 8 kg | 29.90 | s; w=8000; color=Black | Eight kilograms are a good first weight for learning the
    swing.
- 12 kg | 39.90 | s; color=Black | Twelve kilograms are enough for rows, presses and carries.
- 16 kg | 52.90 | s; w=16000; color=Black | Sixteen kilograms are the classic working weight.
- 24 kg | 79.90 | s; w=24000; color=Black | The 24 kg bell has a wider handle for two hands.
Kettlemoor | Dial Adjustable Dumbbell | dumbbell, weights, strength | w=20000; warrantyMonths=36
  Turn the handle, lift, and the plates you do not need stay in the cradle. One dumbbell does the
  work of a whole rack in a spare room.
- Single, 20 kg | 159.00 | s=20 kg; color=Black | The single goes from two to twenty kilograms in
    two-kilogram steps.
- Pair, 20 kg | 299.00 | s=2 × 20 kg; w=40000; color=Black | The pair opens up presses and lunges
    with equal weights.
- Single, 32 kg | 239.00 | s=32 kg; w=32000; color=Black | Stronger lifters will not outgrow the 32
    kg version soon.
Strivane | Tension Resistance Bands | resistance bands, strength, home gym | w=420;
    warrantyMonths=12
  Layered natural latex that stretches evenly and does not roll up on the thigh. A printed card
  shows twenty exercises for each band.
- Loop Set of 3 | 16.90 | packSize=3; w=120 | Three short loops are for hips, shoulders and
    warm-ups.
- Long Set of 5 | 34.90 | packSize=5; w=780 | Five long bands go from light help to heavy pull.
- Fabric Set of 3 | 22.90 | packSize=3; w=210 | Woven bands feel softer on bare skin.
- Door Gym Kit | 49.90 | packSize=5; w=1300 | Handles and a door anchor turn the bands into a cable
    machine.
Paceling | Featherfoot Running Shoe | running, shoes, footwear | w=245; warrantyMonths=6
  A light daily trainer with a lively foam and enough rubber where you land. The knitted upper
  gives across the toes and holds the heel.
- EU 38, Coral | 109.00 | c=Coral; s=EU 38; w=215 | Coral in size 38 weighs little more than two
    hundred grams.
- EU 40, Coral | 109.00 | c=Coral; s=EU 40; w=228 | Size 40 in coral has reflective flecks at the
    heel.
- EU 42, Night Blue | 109.00 | c=Night Blue; s=EU 42; w=250 | Night blue in size 42 hides the
    winter mud.
- EU 44, Night Blue | 109.00 | c=Night Blue; s=EU 44; w=268 | The 44 is built on a slightly wider
    last.
Paceling | Ghostlight Running Vest | running, safety, reflective | w=160; warrantyMonths=24
  An open mesh vest that shows you from three hundred metres away and never gets warm. The chest
  strap stretches, so it fits over a jacket too.
- S/M | 29.90 | s; color=Yellow | S/M fits chests up to a hundred centimetres.
- L/XL | 29.90 | s; color=Yellow; w=180 | L/XL leaves room for a winter layer underneath.
- With Lights, One Size | 44.90 | s=One size; color=Yellow; w=230 | Rechargeable strips at front
    and back blink or glow.
Paceling | Brook Hydration Pack | running, hydration, bag | w=340; warrantyMonths=36
  A pack that sits like a waistcoat and does not bounce on the way down. Pockets on the straps are
  within reach without breaking stride.
- 5 L, Black | 84.90 | c=Black; cap=5 L | Five litres carry what a half-day on the trails needs.
- 5 L, Aqua | 84.90 | c=Aqua; cap=5 L | Aqua has contrasting zips that are easy to find in the
    dark.
- 10 L, Black | 104.90 | c=Black; cap=10 L; w=430 | Ten litres take the compulsory kit of a
    mountain race.
- 10 L with Flasks | 124.90 | c=Black; cap=10 L; w=520 | Two half-litre soft flasks come with this
    one.
Strivane | Cadence Cycling Helmet | cycling, helmet, safety | w=290; warrantyMonths=36
  A helmet with a rotating inner cradle, wide vents and a magnetic buckle. It passes the town test
  as well: it does not look like a mushroom.
- M, White | 79.90 | c=White; s=M | Medium fits heads from 54 to 58 centimetres.
- L, White | 79.90 | c=White; s=L; w=320 | The large white shell goes up to 62 centimetres.
- M, Olive | 79.90 | c=Olive; s=M | Olive with tan straps suits an upright bike.
- L, Olive with Light | 99.90 | c=Olive; s=L; w=355 | A red light is set into the back of this
    large helmet.
Strivane | Courtside Table Tennis Bat | table tennis, bat, games | w=175; warrantyMonths=12
  A five-ply blade with a rubber that spins well and forgives late arms. The flared handle is
  sanded and left unvarnished for grip.
- All-Round | 24.90 | level=Beginner | The all-round bat is patient with learners.
- Spin | 39.90 | level=Intermediate; w=180 | Stickier rubber rewards a good serve.
- Speed | 59.90 | level=Advanced; w=168 | A thin carbon layer makes the blade quick and clear.
- Family Set of 4 | 64.90 | level=Beginner; packSize=4; w=960 | Four bats, six balls and a clip-on
    net travel in one case.
Kettlemoor | Deepwave Massage Roller | foam roller, recovery, wellness | w=680; warrantyMonths=24
  A firm roller with a hollow core that keeps its shape under body weight. The pattern of ridges
  reaches calves and backs in different ways.
- Short, Black | 24.90 | c=Black; s=33 cm | The short roller packs into a sports bag.
- Long, Black | 34.90 | c=Black; s=66 cm; w=1250 | The long one supports the whole spine.
- Short, Teal Soft | 24.90 | c=Teal; s=33 cm; w=590 | Softer foam makes the teal roller a gentle
    beginning.
- Vibrating | 89.90 | c=Black; s=33 cm; w=1400 | Four speeds of vibration loosen tired legs.
Paceling | Slipstream Swim Goggles | swimming, goggles, water sports | w=42; warrantyMonths=12
  Soft seals that leave no rings and lenses that stay clear for a whole session. The strap adjusts
  in the water with one pull.
- Clear | 19.90 | lens=Clear; color=Blue | Clear lenses are best for indoor pools.
- Smoke | 21.90 | lens=Smoke; color=Black | Smoked lenses take the edge off bright mornings
    outdoors.
- Mirror | 27.90 | lens=Mirror; color=Silver | Mirrored lenses are for open water and low sun.
- Kids | 14.90 | lens=Clear; color=Orange; w=34 | A smaller bridge and a softer strap suit children
    from five.

# pets
Waggenholt | Snugfold Dog Bed | dog, bed, comfort | w=2800; warrantyMonths=24
  A bolster on three sides and a low front for stiff old legs. The cover unzips in one piece and is
  washed at forty degrees.
- Small, Grey | 49.90 | c=Grey; s=Small; w=1500 | Small is for terriers and ambitious cats.
- Medium, Grey | 69.90 | c=Grey; s=Medium | Medium takes a spaniel curled up tight.
- Large, Grey | 94.90 | c=Grey; s=Large; w=4600 | Large lets a retriever stretch right out.
- Large, Tweed | 109.00 | c=Tweed; s=Large; w=4800 | The tweed cover hides hair of most colours.
Waggenholt | Longlead Walking Lead | dog, lead, walking | w=180; warrantyMonths=36
  Soft rope with a spliced handle and a swivel clip that never twists. The bright fleck is woven
  in, not printed.
- 1.2 m, Forest | 22.90 | c=Forest; s=1.2 m; w=150 | The short lead keeps things orderly on
    pavements.
- 2 m, Forest | 27.90 | c=Forest; s=2 m | Two metres leave room to sniff.
- 2 m, Berry | 27.90 | c=Berry; s=2 m | Berry red is hard to lose in long grass.
- 10 m Training | 34.90 | c=Orange; s=10 m; w=620 | Ten metres of flat webbing help to teach
    recall.
Waggenholt | Trailmate Dog Harness | dog, harness, walking | w=260; warrantyMonths=24
  A padded chest plate that leaves the shoulders free and cannot be backed out of. Four buckles
  mean it goes on without lifting a paw.
- S, Teal | 34.90 | c=Teal; s=S; w=190 | Small fits chests from 40 to 52 centimetres.
- M, Teal | 37.90 | c=Teal; s=M | Medium in teal suits most collies and pointers.
- L, Teal | 40.90 | c=Teal; s=L; w=330 | Large goes up to a chest of 95 centimetres.
- M, Reflective Grey | 42.90 | c=Grey; s=M | Reflective piping makes this one right for winter
    evenings.
Waggenholt | Oaten Dog Biscuits | dog, treats, food | w=500
  Baked slowly from oats, carrot and a little cheese, with nothing to colour them. They snap
  cleanly, so one makes two rewards.
- Carrot, 500 g | 8.90 | flavour=Carrot; s=500 g | Carrot is the plain favourite.
- Cheese, 500 g | 9.90 | flavour=Cheese; s=500 g | Mature cheese persuades the fussiest dogs.
- Peanut, 500 g | 9.90 | flavour=Peanut; s=500 g | The peanut biscuits have no salt or sugar added.
- Mixed Tin, 1.5 kg | 24.90 | flavour=Mixed; s=1.5 kg; w=1900 | All three flavours come in a
    refillable tin.
Purrowick | Perchwood Cat Tree | cat, scratching, furniture | w=14500; warrantyMonths=24
  Real tree trunks, sanded smooth and wound with thick sisal where claws go. The base is heavy
  enough for flying arrivals.
- 90 cm | 99.90 | s; w=9800; color=Beige | The low tree fits under a window.
- 140 cm | 159.00 | s; color=Beige | At 140 centimetres there are two platforms and a den.
- 180 cm | 219.00 | s; w=19800; color=Beige | The tallest has a hammock at the height of a
    bookcase.
Purrowick | Featherwhisk Cat Toy | cat, toy, play | w=70
  A springy wand that makes even calm cats forget themselves. The end clips off, so one handle does
  for several toys.
- Feather | 9.90 | attachment=Feather | Natural feathers flutter like the real thing.
- Mouse | 9.90 | attachment=Mouse | The felt mouse is filled with catnip.
- Set with 4 Ends | 18.90 | attachment=Mixed; packSize=4; w=130 | Four ends keep the game new for
    weeks.
- Telescopic | 13.90 | attachment=Feather; w=95 | The telescopic wand reaches from the sofa to the
    far wall.
Purrowick | Clearstream Water Fountain | cat, dog, water, fountain | w=1400; warrantyMonths=24
  Running water that tempts pets to drink more, with a pump you have to listen for. Every part
  lifts out and goes in the dishwasher.
- 1.5 L, White | 39.90 | c=White; cap=1.5 L; w=980 | The small fountain is enough for one cat.
- 2.5 L, White | 49.90 | c=White; cap=2.5 L | The larger tank lasts two cats a long weekend.
- 2.5 L, Ceramic | 74.90 | c=Cream; cap=2.5 L; w=3200 | The ceramic bowl is heavy, quiet and
    handsome.
- 2.5 L with 6 Filters | 62.90 | c=White; cap=2.5 L; w=1550 | Six spare filters keep the water
    clear for half a year.
Purrowick | Hearthside Cat Cave | cat, bed, wool | w=520; warrantyMonths=12
  Felted from one piece of wool, warm in winter and cool in summer. Push it flat for a mat or pull
  it up for a den.
- Round, Grey | 54.90 | c=Grey | The grey cave blends in with a stone floor.
- Round, Saffron | 54.90 | c=Saffron | Saffron yellow is too cheerful to hide behind the sofa.
- Large, Grey | 69.90 | c=Grey; s=Large; w=760 | The large one has room for two who get on.
Finchmere | Reedbed Aquarium | aquarium, fish, tank | w=12500; warrantyMonths=36
  Low-iron glass with polished edges, a quiet filter and a light that rises and sets. A leaflet
  explains the first four weeks, which are the ones that matter.
- 30 L | 99.90 | cap; w=9500 | Thirty litres suit shrimps and plants.
- 60 L | 149.00 | cap; w=15500 | Sixty litres give a small shoal room to turn.
- 120 L | 259.00 | cap; w=28500 | The 120-litre tank is steadier and easier to keep in balance.
- 120 L with Cabinet | 399.00 | cap=120 L; w=56000 | The matching cabinet is levelled with four
    hidden feet.
Finchmere | Burrow Small-Animal Hutch | rabbit, guinea pig, hutch | w=16500; warrantyMonths=24
  Pressure-treated pine with a dry sleeping room and a tray that slides out for cleaning. Fox-proof
  bolts close with a quarter turn.
- Single Deck | 119.00 | s=Single deck; color=Natural | The single deck is a home for two guinea
    pigs.
- Double Deck | 189.00 | s=Double deck; w=27500; color=Natural | A ramp joins the two floors for a
    pair of rabbits.
- Double Deck, Grey | 199.00 | s=Double deck; w=27500; color=Grey | The same hutch stained grey
    suits a modern garden.
- Double Deck with Run | 249.00 | s=Double deck; w=34500; color=Natural | A folding run clips to
    the front for days on the lawn.
Finchmere | Songbird Seed Blend | bird, food, seeds | w=1000
  Clean, dust-free seed in the proportions that small cage birds actually finish. It is packed in
  paper within a week of blending.
- Budgerigar, 1 kg | 6.90 | s=1 kg; suits=Budgerigars | Millet and canary seed make up most of this
    blend.
- Canary, 1 kg | 7.50 | s=1 kg; suits=Canaries | The canary blend has a little rape and hemp seed
    for song.
- Finch, 1 kg | 7.20 | s=1 kg; suits=Finches | Finer seed suits small beaks.
- Budgerigar, 5 kg | 27.90 | s=5 kg; suits=Budgerigars; w=5000 | The five-kilogram sack is for
    aviaries and large families.

# clothing
Wooltarn | Lambswool Crew Jumper | jumper, wool, knitwear | w=420; warrantyMonths=12
  Spun and knitted within one valley, with saddle shoulders and ribs that keep their spring. It
  pills a little in the first month and then hardly ever again.
- S, Oatmeal | 89.90 | c=Oatmeal; s=S; w=380 | Oatmeal in small goes with everything in the drawer.
- M, Oatmeal | 89.90 | c=Oatmeal; s=M | The medium in oatmeal is the best all-rounder.
- M, Bottle Green | 89.90 | c=Bottle Green; s=M | Bottle green has a faint fleck of blue.
- L, Bottle Green | 89.90 | c=Bottle Green; s=L; w=460 | The large has two centimetres more in the
    arm.
Wooltarn | Merino Base Layer | merino, base layer, outdoor clothing | w=190; warrantyMonths=24
  Fine merino that is warm when it is cold, dry when you climb and still fresh on the third day.
  Flat seams avoid the places where straps rub.
- S, Black | 64.90 | c=Black; s=S; w=170 | The small is cut close, as a first layer should be.
- M, Black | 64.90 | c=Black; s=M | Medium in black disappears under a shirt.
- L, Black | 64.90 | c=Black; s=L; w=215 | The large is long enough to stay tucked in.
- M, Brick | 64.90 | c=Brick; s=M | Brick red is good-looking enough to wear by itself.
Haldrin | Breakwater Rain Jacket | jacket, rain, waterproof | w=480; warrantyMonths=36
  A three-layer shell with taped seams, pit zips and a hood that turns with your head. The outer
  fabric is recycled from fishing nets.
- S, Mustard | 169.00 | c=Mustard; s=S; w=440 | Mustard cheers up a wet platform.
- M, Mustard | 169.00 | c=Mustard; s=M | The medium in mustard leaves room for a jumper.
- M, Navy | 169.00 | c=Navy; s=M | Navy is the version for town and office.
- L, Navy | 169.00 | c=Navy; s=L; w=520 | The large has a longer back for cycling.
Haldrin | Quay Chino Trousers | trousers, chino, cotton | w=520; warrantyMonths=12
  Brushed cotton twill with a little stretch and a waistband that does not gape. The pockets are
  deep enough for a phone and a paperback.
- 30/32, Stone | 69.90 | c=Stone; s=30/32; w=480 | Stone in 30/32 is cut slim from the knee.
- 32/32, Stone | 69.90 | c=Stone; s=32/32 | The 32/32 in stone is the summer standard.
- 32/32, Ink | 69.90 | c=Ink; s=32/32 | Ink blue can stand in for smarter trousers.
- 34/34, Ink | 69.90 | c=Ink; s=34/34; w=560 | The 34/34 has extra length to turn up.
Threddle | Everyday Organic T-Shirt | t-shirt, cotton, basics | w=170; warrantyMonths=6
  Heavy organic cotton with a neck that stays round after fifty washes. It is cut straight, with
  sleeves that end where they should.
- S, White | 24.90 | c=White; s=S; w=155 | White in small is thick enough not to show through.
- M, White | 24.90 | c=White; s=M | The medium white is the one everybody needs.
- M, Washed Black | 24.90 | c=Washed Black; s=M | Washed black starts faded, so it cannot fade
    further.
- L, Washed Black | 24.90 | c=Washed Black; s=L; w=190 | The large has a slightly longer body.
- Pack of 3, M, White | 64.90 | c=White; s=M; packSize=3; w=510 | Three medium whites in one pack
    cost less than three bought singly.
Threddle | Linen Button-Down Shirt | shirt, linen, summer | w=230; warrantyMonths=12
  Light linen that creases in the right way and dries in an hour. Real shell buttons are sewn on
  with a shank.
- S, Sky | 59.90 | c=Sky; s=S; w=210 | Sky blue in small is easy to wear with shorts.
- M, Sky | 59.90 | c=Sky; s=M | The medium in sky looks as good open as it does buttoned.
- M, Sand Stripe | 62.90 | c=Sand Stripe; s=M | A fine sand stripe is woven into the cloth.
- L, Sand Stripe | 62.90 | c=Sand Stripe; s=L; w=250 | The striped large has a back pleat for
    movement.
Threddle | Fieldwork Socks | socks, wool, basics | w=90; warrantyMonths=12
  Terry soles, a seamless toe and ribs that stay up without leaving a mark. Wool and a little nylon
  make them last through years of boots.
- EU 36–39, Heather | 14.90 | c=Heather; s=EU 36–39; w=78 | The smaller size in heather has a
    shorter heel.
- EU 40–43, Heather | 14.90 | c=Heather; s=EU 40–43 | Heather purple is softer than it sounds.
- EU 44–47, Peat | 14.90 | c=Peat; s=EU 44–47; w=104 | Peat brown hides a day in the garden.
- EU 40–43, Box of 4 | 49.90 | c=Mixed; s=EU 40–43; packSize=4; w=370 | Four colours in a box make
    a dependable present.
Wooltarn | Ribbed Fisherman Beanie | hat, wool, winter | w=85
  A short, close-ribbed hat that folds once and stays out of your eyes. It is knitted in one piece
  without a seam at the back.
- Navy | 27.90 | c | Navy goes with every coat.
- Ochre | 27.90 | c | Ochre can be picked out across a car park.
- Undyed Grey | 29.90 | c | The undyed version is the fleece just as it was shorn.
Wooltarn | Tidemark Scarf | scarf, wool, winter, gift | w=210
  A long, light scarf with a tidal stripe at either end. Brushed on one side and smooth on the
  other, it can be worn two ways.
- Blue and Grey | 49.90 | c | Blue and grey recall the sea in November.
- Rust and Cream | 49.90 | c | Rust and cream warm up a dark coat.
- Cashmere Blend, Camel | 94.90 | c=Camel; w=180 | A third of cashmere makes this one noticeably
    softer.
Haldrin | Carver Leather Belt | belt, leather, accessories | w=220; warrantyMonths=60
  One thickness of full-grain leather, cut from the back and finished by hand along the edges. The
  brass buckle unscrews, so it can be changed.
- 85 cm, Tan | 44.90 | c=Tan; s=85 cm; w=200 | Tan at 85 centimetres fits a 30-inch waist.
- 95 cm, Tan | 44.90 | c=Tan; s=95 cm | The 95 cm belt deepens to a rich brown with wear.
- 95 cm, Black | 44.90 | c=Black; s=95 cm | Black with a nickel buckle is the formal one.
- 105 cm, Black | 46.90 | c=Black; s=105 cm; w=240 | The longest belt has seven holes instead of
    five.
Haldrin | Porter Canvas Tote | bag, canvas, accessories | w=540; warrantyMonths=36
  Waxed canvas and bridle leather, riveted where it counts. An inside pocket keeps keys away from
  the screen of a laptop.
- Olive | 69.90 | c; cap=16 L | Olive shows its creases proudly.
- Navy | 69.90 | c; cap=16 L | Navy is smart enough for work.
- Zipped, Navy | 84.90 | c=Navy; cap=16 L; w=610 | A two-way zip closes this one over the top.

# tools-diy
Gripholm | Steady Claw Hammer | hammer, hand tool, carpentry | w=680; warrantyMonths=300
  A forged head on a shaft that takes the sting out of a missed nail. The claw is thin enough to
  get under a tight head.
- 450 g, Hickory | 26.90 | s=450 g; handle=Hickory; w=640 | The lighter hammer is for picture hooks
    and panel pins.
- 570 g, Hickory | 29.90 | s=570 g; handle=Hickory; w=790 | At 570 grams it will frame a shed.
- 570 g, Fibreglass | 32.90 | s=570 g; handle=Fibreglass; w=830 | The fibreglass shaft cannot dry
    out and loosen.
Gripholm | Sure-Turn Screwdriver Set | screwdriver, hand tool, set | w=720; warrantyMonths=300
  Hardened tips that fit the screw rather than nearly fit it. Each handle has its type printed on
  the end, where you look for it in the drawer.
- 6 Pieces | 27.90 | pieces=6 | Six drivers cover the usual slots and crosses.
- 12 Pieces | 46.90 | pieces=12; w=1350 | Twelve add star tips and two stubby drivers.
- Insulated, 7 Pieces | 44.90 | pieces=7; w=800 | The insulated set is tested for work on household
    wiring.
- Precision, 24 Bits | 34.90 | pieces=25; w=380 | A spinning cap and tiny bits are made for watches
    and phones.
Gripholm | Ratchet Socket Set | sockets, ratchet, hand tool, set | w=3200; warrantyMonths=300
  A fine-toothed ratchet that works in five degrees of swing. Sockets snap into foam with the size
  in large white figures.
- 1/4 Inch, 36 Pieces | 49.90 | pieces=36; w=1500 | The small drive is for bicycles and appliances.
- 1/2 Inch, 28 Pieces | 84.90 | pieces=28; w=4300 | The large drive deals with wheels and garden
    machines.
- Combined, 94 Pieces | 139.00 | pieces=94; w=6900 | Both drives share one case with bits and
    extensions.
- Bit Holder, 40 Pieces | 29.90 | pieces=40; w=760 | A pocket ratchet drives forty bits in awkward
    corners.
Torvane | Swift Cordless Drill | drill, cordless, power tool | w=1500; warrantyMonths=36
  A compact brushless drill with a chuck that grips and a clutch you can trust with small screws.
  The light stays on for ten seconds after you let go.
- 12 V, Body Only | 79.90 | voltage=12 V; w=980 | The body alone is for those who already own the
    batteries.
- 12 V, 2 Batteries | 139.00 | voltage=12 V; w=1950 | Two small batteries and a charger make a
    complete kit.
- 18 V, Body Only | 109.00 | voltage=18 V; w=1350 | The 18 V body has a metal gearbox and a side
    handle.
- 18 V Hammer, 2 Batteries | 219.00 | voltage=18 V; w=3100 | Hammer action goes through brick as if
    it were plaster.
Torvane | Trueline Jigsaw | saw, power tool, woodworking | w=2300; warrantyMonths=36
  A saw that follows a pencil line, with a blower that keeps the line in sight. Blades change
  without a key and drop out hot, not into your hand.
- Corded, 650 W | 89.90 | power=650 W | The corded saw never needs a pause.
- 18 V, Body Only | 119.00 | voltage=18 V; w=2050 | The cordless body shares its battery with the
    rest of the range.
- 18 V, Kit | 189.00 | voltage=18 V; w=3600 | Battery, charger and ten blades complete the kit.
Torvane | Smoothrun Orbital Sander | sander, power tool, woodworking | w=1400; warrantyMonths=36
  A sander that leaves no swirls and hardly any dust. The box fits ordinary vacuum hoses, and the
  pad brake prevents gouges.
- 125 mm, Corded | 79.90 | s=125 mm; power=300 W | The round 125 mm pad is the one for table tops.
- 150 mm, Corded | 119.00 | s=150 mm; power=400 W; w=2100 | A larger pad makes short work of doors
    and floors.
- Detail, Corded | 49.90 | s=Detail; power=180 W; w=980 | The pointed pad reaches into window
    corners.
- 125 mm, 18 V Body | 109.00 | s=125 mm; voltage=18 V; w=1250 | Without a cable, it is happiest on
    ladders and decks.
Brackenforge | Bench Chisel | chisel, woodworking, hand tool | w=240; warrantyMonths=300
  High-carbon steel that comes flat at the back and needs only a light honing. Hornbeam handles are
  hooped to take a mallet.
- 6 mm | 22.90 | s; w=180 | Six millimetres are for small mortises and tidying up.
- 12 mm | 24.90 | s; w=210 | Twelve millimetres are the chisel to buy first.
- 25 mm | 29.90 | s; w=310 | The wide blade pares long shavings.
- Roll of 5 | 109.00 | s=6–32 mm; packSize=5; w=1450 | Five sizes come in a leather roll.
Brackenforge | Low-Angle Block Plane | plane, woodworking, hand tool | w=740; warrantyMonths=300
  A small plane for end grain, edges and stuck doors, with a mouth that closes down to a hair. The
  iron is thick enough not to chatter.
- Standard | 89.90 | s=Standard; material=Iron | The iron body has weight where it helps.
- Bronze | 139.00 | s=Standard; material=Bronze; w=860 | Cast bronze does not rust in a damp shed.
- Apron Size | 74.90 | s=Small; material=Iron; w=390 | The apron plane lives in a pocket.
Brackenforge | Joiner's Tool Roll | tool storage, canvas, tools | w=620; warrantyMonths=60
  Waxed canvas with leather corners and pockets in the sizes tools really are. A flap folds over so
  that nothing slides out on the stairs.
- 10 Pockets | 44.90 | pockets=10; color=Tan; w=480 | Ten pockets are enough for chisels and a few
    pencils.
- 20 Pockets | 62.90 | pockets=20; color=Tan; w=740 | Twenty pockets hold a joiner's day.
- 20 Pockets, Black | 62.90 | pockets=20; color=Black; w=740 | Black canvas hides oil and glue.
- 30 Pockets, Zipped | 84.90 | pockets=30; color=Tan; w=1150 | A brass zip all round closes the
    largest roll tight.
Gripholm | Plumb Spirit Level | spirit level, measuring, hand tool | w=780; warrantyMonths=120
  A milled box section with vials that read true both ways up. Rubber ends hold it still on plaster
  and save it when it falls.
- 40 cm | 24.90 | s; w=420; color=Yellow | Forty centimetres are handy for shelves and sockets.
- 60 cm | 29.90 | s; w=620; color=Yellow | Sixty centimetres are the general-purpose length.
- 120 cm | 46.90 | s; w=1240; color=Yellow | The long level is for doors, worktops and fence posts.
- 60 cm, Magnetic | 37.90 | s=60 cm; w=700; color=Yellow | Strong magnets leave both hands free on
    steel.
Gripholm | Reach Folding Ladder | ladder, access, home improvement | w=7800; warrantyMonths=60
  Deep treads, a wide top rail and a bar that locks with a sound you can hear. It folds to the
  thickness of a hand and stands behind a door.
- 3 Treads | 59.90 | steps=3; w=4800; color=Silver | Three treads reach the top of the cupboards.
- 5 Treads | 94.90 | steps=5; color=Silver | Five treads are enough for ceilings and curtain rails.
- 7 Treads | 134.00 | steps=7; w=10400; color=Silver | Seven treads reach gutters on a low roof.
- 3 Treads, Beech | 99.90 | steps=3; w=5600; color=Beech | Beech treads on a white frame can stay
    out in the kitchen.
"""

PEOPLE = """\
Zofia | Wałęska | zofia_w | org | Bakes every Sunday and buys far too many tins. | ul. Lipowa
    14/3 | Kraków | 31-042 | PL
Jürgen | Groß | juergen_gross | net | Retired surveyor, keen on maps and steep paths. |
    Ahornweg 22 | Freiburg | 79104 | DE
Élodie | Marchand | elodie_m | com | | 8 rue des Tanneurs | Colmar | 68000 | FR
美咲 | 佐藤 | misaki_sato | com | Fountain pens, quiet cafés, long train rides. | 2-14-6 Kitazawa |
    Tokyo | 155-0031 | JP
Amara | Okonkwo | amara_o | com | Runs before work and reads after it. | 41 Fairhaven Road |
    Leeds | LS6 2AD | GB
Łukasz | Jabłoński | lukasz_jab | com | | ul. Ogrodowa 7; m. 12 | Łódź | 91-065 | PL
Søren | Kjærgaard | soren_k | org | Sails a small boat badly and happily. | Strandgade 19; 2.
    th. | Aarhus | 8000 | DK
Inés | Castaño | ines_castano | com | | Calle del Olmo 31; 4.º B | Madrid | 28012 | ES
伟 | 陈 | chen_wei88 | net | Keeps shrimps and a very patient cat. | 18 Jalan Merpati; #05-112 |
    Singapore | 520018 | SG
Priya | Raghunathan | priya_r | com | Software by day, chillies on the balcony by night. | 77
    Elm Park Avenue | Dublin | D06 X2K4 | IE
Oliver | Hartwell | ollie_hartwell | com | | 5 Mill Lane | Bath | BA2 4RT | GB
Fatima | Benali | fatima_benali | org | Teaches seven-year-olds and learns from them. | 63
    avenue Jean Moulin | Lyon | 69007 | FR
Žiga | Kovačič | ziga_kov | com | | Cesta v Log 9 | Ljubljana | 1000 | SI
Marta | Szczęsna | marta_szcz | net | Restores old chairs. | ul. Długa 50; m. 4 | Gdańsk |
    80-831 | PL
Aleksandër | Hoxha | aleks_hoxha | com | | Rruga e Dibrës 112 | Tirana | 1001 | AL
Grace | Mutua | grace_mutua | org | Plans a bigger vegetable bed every winter. | 12 Oakfield
    Close | Bristol | BS8 3PL | GB
Théo | Lefèvre | theo_lefevre | com | | 27 quai Saint-Antoine | Strasbourg | 67000 | FR
Nadia | Haddad | nadia_h | net | Two children, one dog, no spare time. | Lindenstraße 3 |
    Bremen | 28203 | DE
Björn | Åkesson | bjorn_akesson | com | Winter swimmer. | Storgatan 44; lgh 1203 | Umeå | 903
    26 | SE
Camila | Duarte | camila_duarte | com | | Rua das Flores 210; 3.º Esq. | Porto | 4050-265 | PT
浩 | 田中 | h_tanaka | org | Model railways in a very small flat. | 5-3-21 Nishijin | Fukuoka |
    814-0002 | JP
Ottoline | Strauß | ottoline | com | | Kirchengasse 11; Tür 8 | Wien | 1070 | AT
Diego | Núñez | diego_nunez | com | Cycles everywhere, even when he should not. | Avenida del
    Puerto 88 | Valencia | 46023 | ES
Katarzyna | Mróz | kasia_mroz | com | | ul. Świętojańska 18 | Wrocław | 50-230 | PL
Samuel | Adeyemi | sam_adeyemi | net | Board games on Thursdays, without exception. | 200
    Harbour Street; Unit 1504 | Toronto | M5V 2L7 | CA
Linnéa | Öberg | linnea_oberg | org | | Björkvägen 6 | Uppsala | 752 28 | SE
Gábor | Szűcs | gabor_szucs | com | Woodworker with nine fingers and good advice. | Petőfi utca
    33 | Szeged | 6722 | HU
Chiara | Bellandi | chiara_b | com | | Via dei Mulini 17 | Bologna | 40126 | IT
Tomáš | Dvořáček | tomas_dvo | net | | Na Kopečku 5 | Brno | 602 00 | CZ
Aoife | Ní Bhriain | aoife_nb | com | Sea swims and strong tea. | 3 Quay Cottages | Galway |
    H91 E2T7 | IE
Mehmet | Yıldız | mehmet_yildiz | com | | Çınar Sokak 24; Daire 6 | İzmir | 35220 | TR
Rūta | Žukauskaitė | ruta_zuk | org | Knits on trams. | Pylimo g. 29-7 | Vilnius | 01141 | LT
Hannah | Whitlock | hannahw | com | | 918 Juniper Street | Portland | 97205 | US
Joaquín | Peña | joaquin_pena | net | Weekend baker, weekday accountant. | Calle Real 54 |
    Segovia | 40001 | ES
Ingrid | Nygård | ingrid_nygard | com | | Fjellveien 13 | Bergen | 5019 | NO
Daniel | Weiß | dan_weiss | com | Collects keyboards and regrets none. | Hafenstraße 71 |
    Hamburg | 20359 | DE
Thu Hà | Nguyễn | thuha_ng | org | | 15 rue de la Glacière | Paris | 75013 | FR
Marcus | Featherstone | marcus_f | com | Coaches the under-tens. | 2240 Maple Ridge Drive; Apt
    9 | Madison | 53703 | US
Andrzej | Grzybek | andrzej_g | com | | ul. Polna 2 | Poznań | 60-535 | PL
Yasmin | Karimi | yasmin_karimi | net | Paints, mostly outdoors. | Prinsengracht 402 |
    Amsterdam | 1016 JC | NL
Παύλος | Δημητρίου | pavlos_d | com | | Odos Ermou 61 | Thessaloniki | 546 23 | GR
Eilidh | MacAskill | eilidh_mac | org | Has climbed most of what can be seen from home. | 4
    Shore Terrace | Ullapool | IV26 2UR | GB
Roosa | Hämäläinen | roosa_h | com | | Puistokatu 8 B 22 | Turku | 20100 | FI
Andreea | Țurcanu | andreea_t | com | | Strada Teilor 27 | Cluj-Napoca | 400117 | RO
Liam | O'Shaughnessy | liam_osh | net | Fixes bicycles for friends of friends. | 31 Wattle
    Street | Melbourne | 3051 | AU
Mireille | Vandecasteele | mireille_v | com | | Kouter 40; bus 2 | Gent | 9000 | BE
Þórdís | Jónsdóttir | thordis_j | org | Wool, wind and more wool. | Hringbraut 55 | Reykjavík |
    107 | IS
Kwame | Boateng | kwame_b | com | | 86 Chestnut Grove | Birmingham | B13 8QT | GB
Lucía | Ferreyra | lucia_ferreyra | com | Grows tomatoes on a seventh floor. | Calle Belgrano
    1420; Piso 7 | Rosario | 2000 | AR
Noah | Lindqvist-Brandt | noahlb | net | | Seestrasse 128 | Zürich | 8002 | CH
"""
